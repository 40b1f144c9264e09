/** Where the agent shows, to anyone, the CA that signed its certificate: PEM, and while one CA replaces another, both. */
export const CA_PATH = "/ca.crt";
/** In every answer of the agent: the fingerprints of what is at {@link CA_PATH}, with spaces between. */
export const CA_HEADER = "davit-ca";
