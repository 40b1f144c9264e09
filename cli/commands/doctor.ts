import { Command, Option } from "clipanion";
import { ClusterCommand } from "../command.ts";
import type { ReportedFinding } from "../doctor/doctor.ts";

/** `davit doctor`: proves the installation from all sides. */
export class DoctorCommand extends ClusterCommand {
  static override paths = [["doctor"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "find out what is wrong with davit in a cluster, and how to mend it",
    details:
      "Goes every way on which TLS is verified, the last by a pull on each node, and looks at rights, certificates, DNS, classes, clocks and disks. It changes nothing, and removes what it tried things out with. Exits with 0 when there is no problem, warnings apart, with 29 when there is one.",
    examples: [
      ["For a script", "davit doctor -o json"],
      ["Only whether nodes can pull", "davit doctor --only kubelet-registry"],
      ["What to put where on the nodes to have them trust the registry", "davit doctor --print-trust"],
    ],
  });

  only = Option.Array("--only", [], { description: "<ID> look at this only, as `-o json` calls it; may be given several times" });
  printTrust = Option.Boolean("--print-trust", false, {
    description: "print what tells the nodes of the registry, file by file, and look at nothing",
  });
  timeout = Option.String("--timeout", "2m", { description: "<DURATION> how long everything may take" });

  protected async run(): Promise<number> {
    const [{ checksOf, diagnose, installation }, { checkTogether, parseDuration }, { Fault }] = await Promise.all([
      import("../doctor/doctor.ts"),
      import("../flags.ts"),
      import("#shared/fault"),
    ]);
    const timeoutMs = parseDuration("--timeout", this.timeout);
    const checks = checksOf(this.only);
    checkTogether({ "--only": this.only.length > 0, "--print-trust": this.printTrust }, "--print-trust looks at nothing");
    const kube = await this.kube();
    if (this.printTrust) {
      const { instructionLines, instructions } = await import("../doctor/trust.ts");
      this.print(await instructions(kube, (await installation(kube)).options), instructionLines);
      return 0;
    }
    const { env, signal } = this.context;
    const findings = await this.tell(diagnose(kube, { env, signal, timeoutMs, checks }));
    const problems = findings.filter(({ severity }) => severity === "problem");
    if (problems.length === 0) return 0;
    const { printFault } = await import("../report/fault.ts");
    const fault = new Fault("doctor_found", problems.map(({ id, what }) => `${id}: ${what}`).join("\n"));
    printFault(this.context, fault, { verbose: this.verbose });
    return fault.exitCode;
  }

  /** Text as it is found, JSON at the end. */
  private async tell(examined: ReturnType<typeof import("../doctor/doctor.ts").diagnose>): Promise<ReportedFinding[]> {
    const [{ findingLines, headingLines }, { worst }] = await Promise.all([import("../doctor/lines.ts"), import("../doctor/finding.ts")]);
    const json = this.output === "json";
    const found: ReportedFinding[] = [];
    let before: Parameters<typeof headingLines>[1];
    for await (const { check, findings } of examined) {
      found.push(...findings.map((finding) => ({ id: check.id, ...finding })));
      const lines = [...headingLines(check, before), ...findingLines(check, findings)];
      for (const line of lines) json ? this.context.err(line) : this.context.out(line);
      before = check;
    }
    if (json) this.context.out(JSON.stringify({ severity: worst(found), findings: found }, null, 2));
    return found;
  }
}
