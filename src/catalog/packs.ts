/** What is sold: packs of credits that never expire. The larger the pack, the cheaper its credits. */

export interface Pack {
  readonly id: string
  readonly name: string
  /** Whole credits. */
  readonly credits: number
  readonly priceCents: number
}

/** From the smallest to the largest. A credit is $0.01 of AI API cost; the discount is what a pack takes off that. */
export const PACKS: readonly Pack[] = [
  { id: 'starter', name: 'Starter', credits: 500, priceCents: 500 },
  { id: 'team', name: 'Team', credits: 2_000, priceCents: 1_900 },
  { id: 'growth', name: 'Growth', credits: 10_000, priceCents: 9_000 },
  { id: 'business', name: 'Business', credits: 30_000, priceCents: 25_500 },
  { id: 'enterprise', name: 'Enterprise', credits: 100_000, priceCents: 80_000 },
]

/** Percent taken off one cent per credit. */
export function discountPercent(pack: Pack): number {
  return Math.round((1 - pack.priceCents / pack.credits) * 1000) / 10
}

/** The smallest pack that has at least `credits`; the largest if none does. */
export function smallestPackFor(credits: number): Pack | null {
  return PACKS.find((pack) => pack.credits >= credits) ?? PACKS.at(-1) ?? null
}

export function findPack(id: string): Pack | null {
  return PACKS.find((pack) => pack.id === id) ?? null
}
