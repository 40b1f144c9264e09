import { Command, Option } from "clipanion";
import type { InstallFlags } from "../install/options.ts";
import { PlacesCommand } from "../places-command.ts";

/** `davit install`: puts davit into a cluster, or brings an installation up to date. */
export class InstallCommand extends PlacesCommand {
  static override paths = [["install"]];
  static override usage = Command.Usage({
    category: "Install",
    description: "install davit into a cluster",
    details:
      "Applies the agent, the S3 store, the registry and what belongs to them, and waits until they are ready. Doing it again changes only what differs: flags that are not given stay as they were installed, images come with this version of davit.",
    examples: [
      ["With a wildcard DNS name that leads to the ingress", "davit install --domain apps.example.com"],
      ["See every object first", "davit install --domain apps.example.com --dry-run"],
      [
        "With an S3 store of your own",
        "davit install --domain apps.example.com --s3-endpoint https://s3.example.com --s3-bucket davit --s3-secret s3-key --dry-run",
      ],
      [
        "With a registry of your own",
        "davit install --domain apps.example.com --registry registry.example.com/davit --registry-secret registry-login --dry-run",
      ],
    ],
  });

  domain = Option.String("--domain", { description: "<NAME> apps get the URL APP.NAME" });
  ingressClass = Option.String("--route-class", {
    description: "<NAME> IngressClass for apps and the agent (default: the cluster's; '' goes back to it)",
  });
  gateway = Option.String("--gateway", {
    description: "<NAMESPACE/NAME> a Gateway for apps and the agent instead of the ingress ('' goes back to it; docs/gateway.md)",
  });
  storageClass = Option.String("--storage-class", {
    description: "<NAME> StorageClass of every volume (default: the cluster's; '' goes back to it)",
  });
  agentImage = Option.String("--agent-image", { description: "<IMAGE> made by `davit image push`" });
  s3Image = Option.String("--s3-image", { description: "<IMAGE> of Versity S3 Gateway" });
  registryImage = Option.String("--registry-image", { description: "<IMAGE> of distribution" });
  kanikoImage = Option.String("--kaniko-image", { description: "<IMAGE> of kaniko, with a shell" });
  issuer = Option.String("--issuer", {
    description: "<KIND> who vouches for URLs: private-ca (default), selfsigned, acme, byo, existing:Issuer/NAME or existing:ClusterIssuer/NAME",
  });
  acmeServer = Option.String("--acme-server", { description: "<URL> of an ACME server, or Let's Encrypt's: production (default), staging" });
  acmeEmail = Option.String("--acme-email", { description: "<ADDRESS> that it writes to" });
  acmeCa = Option.String("--acme-ca", { description: "<FILE> the CA of the server's own certificate (PEM), if that is not a public one" });
  tlsCert = Option.String("--tls-cert", { description: "<FILE> with --issuer byo: the certificate for davit.NAME and *.NAME (PEM)" });
  tlsKey = Option.String("--tls-key", { description: "<FILE> its key" });
  tlsSecret = Option.String("--tls-secret", { description: "<NAME> or both in a Secret of the namespace davit" });
  caCert = Option.String("--ca-cert", { description: "<FILE> or a root CA of your own, which then is davit's (PEM)" });
  caKey = Option.String("--ca-key", { description: "<FILE> its key" });
  mirrors = Option.Array("--registry-mirror", [], { description: "<HOST=URL> where builds find the images of HOST instead" });
  certsDirs = Option.Array("--certs-dir", [], { description: "<PATH> containerd's certs.d folder on the nodes (default: found)" });
  nodeTrust = Option.String("--node-trust", {
    description: "<MODE> how nodes come to pull from the registry: daemonset (default), public, manual, insecure-nodeport (docs/nodes.md)",
  });
  trustCa = Option.String("--trust-ca", {
    description: "<FILE> CAs (PEM) that davit, and what runs in builds, trust besides the public ones; '' takes them away (docs/proxy.md)",
  });
  httpProxy = Option.String("--http-proxy", {
    description: "<URL> the proxy by which davit, and builds, reach http servers outside the cluster; '' for none (docs/proxy.md)",
  });
  httpsProxy = Option.String("--https-proxy", { description: "<URL> the same for https servers; '' for none" });
  noProxy = Option.String("--no-proxy", {
    description: "<LIST> hosts, domains and ranges reached without them, beside the cluster's own: .example.com,10.0.0.0/8; '' for none",
  });
  podCidrs = Option.Array("--pod-cidr", [], {
    description: "<RANGE> addresses of the cluster's Pods, which builds must not reach (default: read off the nodes)",
  });
  keepRevisions = Option.String("--keep-revisions", { description: "<NUMBER> revisions of each app that garbage collection leaves (default: 10)" });
  dryRun = Option.Boolean("--dry-run", false, { description: "print the objects as YAML and change nothing" });
  yes = Option.Boolean("--yes", false, { description: "ask nothing" });
  timeout = Option.String("--timeout", "5m", { description: "<DURATION> how long to wait until everything is ready" });

  protected async run(): Promise<number> {
    const [{ installAndTell, installedLines }, { prepare, preview }, { parseDuration, parseWhole }] = await Promise.all([
      import("../install/tell.ts"),
      import("../install/install.ts"),
      import("../flags.ts"),
    ]);
    const timeoutMs = parseDuration("--timeout", this.timeout);
    const kube = await this.kube();
    const ask = (suggestion?: string) => this.context.ask(`Domain for apps${suggestion ? ` [${suggestion}]` : ""}: `);
    const keepRevisions = this.keepRevisions === undefined ? undefined : parseWhole("--keep-revisions", this.keepRevisions, 1, 1000);
    const { issuer, given: pairs } = await this.saidIssuer();
    const { given: logins, ...places } = await this.saidPlaces();
    const given = { ...logins, ...pairs, proxy: await this.saidProxies() };
    const askDomain = this.context.isTTY && !this.yes ? ask : undefined;
    const trustCa = await this.saidTrust();
    const prepared = await prepare(kube, { ...this.flags(), ...places, issuer, keepRevisions, trustCa }, { askDomain, given });
    if (this.dryRun) {
      const { renderYaml } = await import("../install/render.ts");
      const objects = preview(prepared);
      this.print(objects, () => renderYaml(objects, prepared.options));
      return 0;
    }
    const { context } = this;
    const result = await installAndTell(kube, prepared, { signal: context.signal, timeoutMs, say: (line) => context.err(line) });
    this.print(result, installedLines);
    return 0;
  }

  private async saidIssuer() {
    const { readIssuer } = await import("../install/said-issuer.ts");
    return readIssuer(this.context, {
      issuer: this.issuer,
      acmeServer: this.acmeServer,
      acmeEmail: this.acmeEmail,
      acmeCaFile: this.acmeCa,
      tlsCertFile: this.tlsCert,
      tlsKeyFile: this.tlsKey,
      tlsSecret: this.tlsSecret,
      caCertFile: this.caCert,
      caKeyFile: this.caKey,
    });
  }

  private async saidProxies() {
    const { readProxies } = await import("../install/proxy.ts");
    return readProxies({ http: this.httpProxy, https: this.httpsProxy, none: this.noProxy });
  }

  private async saidTrust() {
    const { readTrustCa } = await import("../install/trust-ca.ts");
    return readTrustCa(this.context, this.trustCa);
  }

  private flags(): InstallFlags {
    return {
      domain: this.domain,
      ingressClass: this.ingressClass,
      gateway: this.gateway,
      storageClass: this.storageClass,
      images: { agent: this.agentImage, s3: this.s3Image, registry: this.registryImage, kaniko: this.kanikoImage },
      mirrors: this.mirrors,
      certsDirs: this.certsDirs,
      podCidrs: this.podCidrs,
      nodeTrust: this.nodeTrust,
    };
  }
}
