/// The version of recap, as `recap version` prints it and every run stores it.
let recapVersion = "0.1.0"
