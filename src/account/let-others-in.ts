/**
 * Between two parts of long work, or two turns. A commit may be over before anybody else had the thread, since the runtime
 * looks for new requests only when nothing is left to do; so whoever commits part after part would be alone with it. A
 * timer is looked for like a request.
 */
export function letOthersIn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
