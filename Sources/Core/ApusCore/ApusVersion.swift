/// The version of Apus, as `apus --version` and reports give it.
public enum ApusVersion {
    public static let text = "0.1.0"
}
