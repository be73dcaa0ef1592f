/** Leaves out steps of a life that failed for as long as it still fails, half of them at first. */
import type { Lived } from './life.ts'

/** A life takes a tenth of a second; nobody waits for the very last step. */
const MAX_LIVES = 120

export async function shrink(failed: Lived, again: (numbers: readonly number[]) => Promise<Lived>): Promise<Lived> {
  let fewest = failed
  let size = Math.ceil(fewest.steps.length / 2)
  let from = 0
  // Ends: each life is counted; a round that leaves out nothing more halves what the next leaves out.
  for (let lives = 0; lives < MAX_LIVES && size > 0; lives += 1) {
    const numbers = fewest.steps.map(({ number }) => number)
    const lived = await again([...numbers.slice(0, from), ...numbers.slice(from + size)])
    if (lived.violation === null) from += size
    else fewest = lived
    if (from < fewest.steps.length) continue
    from = 0
    size = size === 1 ? 0 : Math.ceil(size / 2)
  }
  return fewest
}
