import { Command, Option } from "clipanion";
import { Fault } from "#shared/fault";
import type { Migrating } from "../migrate/migrate.ts";
import type { Part } from "../migrate/move.ts";
import { PlacesCommand, type SaidPlaces } from "../places-command.ts";

/** `davit migrate`: moves what is in the S3 store or in the registry to another one. */
export class MigrateCommand extends PlacesCommand {
  static override paths = [["migrate"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "move sources and logs, or images, to an external place or back",
    details:
      "Copies everything while davit serves, then pauses the agent for some seconds, copies what came meanwhile, and has the installation and every app use the other place. Pushes wait. Ended anywhere and begun again, it goes on. What is in the old place stays there until --delete-old.",
    examples: [
      ["See how much it is", "davit migrate s3 --s3-endpoint https://s3.example.com --s3-bucket davit --s3-secret s3-key --dry-run"],
      ["Before a registry of your own", "davit migrate registry --registry registry.example.com/davit --registry-secret registry-login --dry-run"],
      ["Go back to the built-in one, and remove what davit kept of the other", "davit migrate registry --built-in --delete-old"],
    ],
  });

  part = Option.String({ name: "s3|registry" });
  builtIn = Option.Boolean("--built-in", false, { description: "to the built-in one" });
  deleteOld = Option.Boolean("--delete-old", false, {
    description: "remove the built-in one that is not used any more, with its volume; an external one is only forgotten",
  });
  dryRun = Option.Boolean("--dry-run", false, { description: "say what would be copied and change nothing" });
  timeout = Option.String("--timeout", "5m", { description: "<DURATION> how long each part may take to become ready; copying takes its time" });

  protected async run(): Promise<number> {
    const [{ measure, migrate }, { isDone, moveOf }, { deleteOld }, { checkVersion, installedOptions }, { parseDuration }, words] = await Promise.all(
      [
        import("../migrate/migrate.ts"),
        import("../migrate/move.ts"),
        import("../migrate/old.ts"),
        import("../install/installed.ts"),
        import("../flags.ts"),
        import("../report/migration.ts"),
      ],
    );
    const part = checkPart(this.part);
    const timeoutMs = parseDuration("--timeout", this.timeout);
    const { given, ...said } = await this.saidPlaces();
    const isMove = checkSaid(part, said, this.builtIn, this.deleteOld);
    const kube = await this.kube();
    const { status } = await import("../install/status.ts");
    const { VERSION } = await import("#shared/version");
    checkVersion((await status(kube)).version, VERSION);
    const { context } = this;
    const say = (line: string) => context.err(line);
    const migrating: Migrating = { signal: context.signal, timeoutMs, say, onProgress: (done, total) => say(words.progressLine(part, done, total)) };
    const known = await installedOptions(kube);
    const move = isMove ? moveOf(part, known, { ...said, given }, this.builtIn) : moveOf(part, known, NOTHING_SAID, known[part] === undefined);
    if (this.dryRun) {
      const total = isDone(move) ? { items: 0, bytes: 0 } : await measure(kube, move, migrating);
      this.print({ part, from: move.from, to: move.to, dryRun: true, ...total }, () => words.plannedLines(move, total));
      return 0;
    }
    const left = isMove ? await migrate(kube, move, given, migrating) : [];
    const warnings = this.deleteOld && left.length === 0 ? await deleteOld(kube, part, move.target, migrating) : [];
    this.print({ part, from: move.from, to: move.to, left, warnings, oldDeleted: this.deleteOld && left.length === 0 }, words.migratedLines);
    return 0;
  }
}

const NOTHING_SAID: SaidPlaces = { s3: {}, registry: {}, given: {} };

function checkPart(part: string): Part {
  if (part === "s3" || part === "registry") return part;
  throw new Fault("usage", "what moves is one of s3, registry", { details: { command: "migrate" } });
}

/** Whether it is said where to; else only what is old is to go. @throws Fault usage */
function checkSaid(part: Part, said: Omit<SaidPlaces, "given">, builtIn: boolean, deleteOld: boolean): boolean {
  const isSaid = (flags: object) => Object.values(flags).some((value) => value !== undefined);
  const other = part === "s3" ? "registry" : "s3";
  if (isSaid(said[other])) throw usage(`one thing moves at a time: leave the --${other}… flags out`);
  if (builtIn && isSaid(said[part])) throw usage("--built-in is a place of its own: leave the others out");
  if (builtIn || isSaid(said[part])) return true;
  if (deleteOld) return false;
  throw usage(`say where to: --built-in, or the --${part === "s3" ? "s3-endpoint" : "registry"} flags as \`davit install\` takes them`);
}

function usage(message: string): Fault {
  return new Fault("usage", message, { details: { command: "migrate" } });
}
