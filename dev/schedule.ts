/** The Worker's cron trigger on this machine, where nothing else would call its scheduled handler. */

/** More often than in production, because a developer waits for what it does. */
export const SCHEDULE_EVERY_MS = 60_000
/** What takes longer hangs, and must not keep the next run from coming. */
const RUN_WITHIN_MS = 5 * 60_000

/** Calls the handler again and again, never twice at once. Returns what ends it. */
export function keepSchedule(url: string, everyMs = SCHEDULE_EVERY_MS): () => void {
  const stopping = new AbortController()
  let isRunning = false
  const runUnlessRunning = async () => {
    if (isRunning) return
    isRunning = true
    await run(url, stopping.signal)
    isRunning = false
  }
  const timer = setInterval(() => void runUnlessRunning(), everyMs)
  return () => {
    clearInterval(timer)
    stopping.abort()
  }
}

/** That a run failed is no news here: the Worker itself prints why, and the next run is the remedy. */
async function run(url: string, stopped: AbortSignal): Promise<void> {
  try {
    const signal = AbortSignal.any([stopped, AbortSignal.timeout(RUN_WITHIN_MS)])
    const response = await fetch(`${url}/cdn-cgi/local/scheduled`, { signal })
    await response.body?.cancel()
  } catch {
    // It is being stopped, or nothing answers.
  }
}
