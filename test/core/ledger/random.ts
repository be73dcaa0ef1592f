/** The one source of chance of a simulation: the same seed gives the same run, on every machine. */

export interface Random {
  /** An integer from 0 to below `bound`. */
  below(bound: number): number
  pick<T>(from: readonly T[]): T
}

/** mulberry32: small, fast, and good enough to choose commands. */
export function random(seed: number): Random {
  let state = seed | 0
  function next(): number {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return (mixed ^ (mixed >>> 14)) >>> 0
  }
  const below = (bound: number) => Math.floor((next() / 2 ** 32) * bound)
  return {
    below,
    pick<T>(from: readonly T[]): T {
      const picked = from[below(from.length)]
      if (picked === undefined) throw new Error('nothing to pick from')
      return picked
    },
  }
}
