// What the parts of a Kubernetes file have to do with each other.

extension ClusterFile {
  func kubernetesProblems(_ root: SettingNode) -> [ConfigurationError.Problem] {
    var problems: [ConfigurationError.Problem] = []
    func note(_ path: String, _ node: SettingNode?, _ message: String) {
      problems.append(
        .init(
          kind: .inconsistent, keyPath: path, origin: (node ?? root["kind"])?.origin,
          message: message))
    }
    let given = root["kubernetes"]
    if !trustedNetwork, kubernetes.keysSecret == nil {
      note(
        "trustedNetwork", root["trustedNetwork"],
        "expected true: pods reach the coordinator over the cluster's network, and without "
          + "kubernetes.keysSecret connections are neither encrypted nor authenticated. Say true if "
          + "only this namespace reaches it, as a NetworkPolicy sees to")
    }
    if let namespace = kubernetes.namespace, !KubernetesText.isNamespace(namespace) {
      note(
        "kubernetes.namespace", given?["namespace"],
        "got '\(namespace)'; expected lower-case letters, digits and '-', at most 63, with a letter "
          + "or digit at both ends")
    }
    if kubernetes.probes == .http, kubernetes.httpTokenSecret == nil {
      note(
        "kubernetes.probes", given?["probes"],
        "got http, which asks the dashboard, and that is not served without a token: give "
          + "httpTokenSecret, the name of a Secret with a 'token', or use exec")
    }
    return problems
  }
}
