/** Something a person can put right: the sentence says what happened and what to do. Anything else that is thrown is a bug. */
export class ClusterError extends Error {
  override readonly name = "ClusterError";
}
