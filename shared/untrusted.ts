/** Whether a request failed for the server's certificate. Bun says so by the error's code or in its words, depending on what is wrong. */
export function isUntrusted(error: unknown): boolean {
  const { code = "", message = String(error) } = error as { code?: string; message?: string };
  return /certificate|CERT_|self.signed|UNABLE_TO_VERIFY/i.test(`${message} ${code}`);
}
