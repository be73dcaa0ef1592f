/**
 * The grants of a draft: which have changed, and what moved in each since the last entry. Grants themselves are never
 * changed; the next one takes the place of the old.
 */
import type { Millicredits } from './amounts.ts'
import type { GrantDelta } from './entry.ts'
import { compareBurnOrder, type Grant, isLive } from './grants.ts'

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export class GrantMoves {
  /** The live grants of the book, in burn order. */
  readonly #live: readonly Grant[]
  readonly #retired: readonly Grant[]
  readonly #changed = new Map<string, Grant>()
  #deltas = new Map<string, Mutable<GrantDelta>>()

  /** `retired` are grants that are no longer live but that the command names, through the parts of a reservation. */
  constructor(live: readonly Grant[], retired: readonly Grant[]) {
    this.#live = live
    this.#retired = retired
  }

  grant(id: string): Grant {
    const grant =
      this.#changed.get(id) ?? this.#live.find((each) => each.id === id) ?? this.#retired.find((each) => each.id === id)
    if (grant === undefined) throw new Error(`grant ${id} is neither live nor looked up`)
    return grant
  }

  add(grant: Grant): void {
    this.#changed.set(grant.id, grant)
    this.#note(grant.id, grant.free, 0)
  }

  markVoided(id: string): void {
    this.#changed.set(id, { ...this.grant(id), voided: true })
  }

  /** Visits grants with something free in burn order until `amount` is covered; they suffice. */
  walkFree(amount: Millicredits, use: (grant: Grant, used: Millicredits) => void): void {
    const left = this.walkSome(amount, () => true, use)
    if (left > 0) throw new Error(`free credits of the grants are ${left} short of the balance`)
  }

  /** The same for some of the grants, as far as they go; returns what they do not cover. */
  walkSome(
    amount: Millicredits,
    wanted: (grant: Grant) => boolean,
    use: (grant: Grant, used: Millicredits) => void,
  ): Millicredits {
    let left = amount
    for (const before of this.#inBurnOrder()) {
      if (left === 0) break
      const grant = this.#changed.get(before.id) ?? before
      const used = Math.min(left, grant.free)
      if (used === 0 || !wanted(grant)) continue
      use(grant, used)
      left -= used
    }
    return left
  }

  /** The live grants of the book; in the rare command that made another one live, that one in its place too. */
  #inBurnOrder(): readonly Grant[] {
    const live = this.#live
    if (this.#changed.size === 0) return live
    const known = new Set(live.map((grant) => grant.id))
    const joined = [...this.#changed.values()].filter((grant) => !known.has(grant.id))
    return joined.length === 0 ? live : [...live, ...joined].sort(compareBurnOrder)
  }

  move(grant: Grant, delta: { free: Millicredits; held: Millicredits }): void {
    this.#changed.set(grant.id, { ...grant, free: grant.free + delta.free, held: grant.held + delta.held })
    this.#note(grant.id, delta.free + delta.held, delta.held)
  }

  #note(id: string, credits: Millicredits, held: Millicredits): void {
    const delta = this.#deltas.get(id) ?? { id, credits: 0, held: 0 }
    delta.credits += credits
    delta.held += held
    this.#deltas.set(id, delta)
  }

  /** What moved since this was last asked. */
  takeDeltas(): readonly GrantDelta[] {
    const deltas = [...this.#deltas.values()].filter((delta) => delta.credits !== 0 || delta.held !== 0)
    this.#deltas = new Map()
    return deltas
  }

  /** The grants that have changed, as they now are. */
  changed(): readonly Grant[] {
    return [...this.#changed.values()]
  }

  /** The live grants of the next book, in burn order. */
  next(): readonly Grant[] {
    if (this.#changed.size === 0) return this.#live
    const next: Grant[] = []
    let joined = this.#changed.size
    for (const old of this.#live) {
      const now = this.#changed.get(old.id)
      if (now !== undefined) joined -= 1
      if (now === undefined || isLive(now)) next.push(now ?? old)
    }
    if (joined === 0) return next
    const known = new Set(this.#live.map((grant) => grant.id))
    for (const grant of this.#changed.values()) if (!known.has(grant.id) && isLive(grant)) next.push(grant)
    return next.sort(compareBurnOrder)
  }
}
