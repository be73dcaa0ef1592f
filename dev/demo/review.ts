/** A commit as a review to be done: which tier it asks for, and what will become of its runner. */
import { actualCostUsd, uniform } from './cost.ts'
import type { Commit, History } from './history.ts'

export type TierId = 'quick_scan' | 'code_review' | 'deep_analysis'
export type Complexity = 'low' | 'medium' | 'high'

/**
 * `repeats` sends its calls twice, as after a lost answer; `dies` is killed and never comes back; `comes_back` is killed
 * too, and settles what it had done once its hold has expired.
 */
export type Fate = 'completes' | 'repeats' | 'fails' | 'dies' | 'comes_back'

export interface Review {
  /** Of the reservation too: one commit, one review. */
  readonly id: string
  readonly commit: Commit
  readonly facts: {
    readonly tier: TierId
    readonly diff_lines: number
    readonly files: number
    readonly repository_complexity: Complexity
    readonly repository: string
  }
  readonly costUsd: string
  readonly fate: Fate
}

/** What a reviewer takes in at a glance, and what one sitting is enough for. */
const QUICK = { lines: 40, files: 3 }
const USUAL = { lines: 500, files: 20 }

/** A small tree is known by heart; in a large one nobody knows everything. */
const SMALL_TREE_FILES = 300
const LARGE_TREE_FILES = 3_000

const SHARES: readonly (readonly [Fate, number])[] = [
  ['dies', 0.02],
  ['comes_back', 0.01],
  ['fails', 0.05],
  ['repeats', 0.08],
]
/** With so few reviews each fate would be a large share of them. */
const MIN_FOR_FATES = 10

/** The contract's own limits. */
const MAX_DIFF_LINES = 10_000_000
const MAX_FILES = 1_000_000

/** Those first whose runner is killed: while their holds run out, the others work. */
export function reviewsOf(history: History): Review[] {
  const reviews = reviewsInOrder(history)
  return [...reviews.filter(isKilled), ...reviews.filter((review) => !isKilled(review))]
}

/** As their commits came. */
export function reviewsInOrder(history: History): Review[] {
  const fates = fatesOf(history.commits)
  const complexity = complexityOf(history.tree.files)
  return history.commits.map((commit): Review => {
    const tier = tierOf(commit)
    return {
      id: `review-${commit.hash}`,
      commit,
      facts: {
        tier,
        diff_lines: Math.min(commit.lines, MAX_DIFF_LINES),
        files: Math.min(commit.files, MAX_FILES),
        repository_complexity: complexity,
        repository: history.name,
      },
      costUsd: actualCostUsd(commit, tier, history.tree),
      fate: fates.get(commit.hash) ?? 'completes',
    }
  })
}

export function isKilled({ fate }: Review): boolean {
  return fate === 'dies' || fate === 'comes_back'
}

export function complexityOf(treeFiles: number): Complexity {
  if (treeFiles < SMALL_TREE_FILES) return 'low'
  return treeFiles < LARGE_TREE_FILES ? 'medium' : 'high'
}

function tierOf({ lines, files }: Commit): TierId {
  if (lines <= QUICK.lines && files <= QUICK.files) return 'quick_scan'
  return lines <= USUAL.lines && files <= USUAL.files ? 'code_review' : 'deep_analysis'
}

/** Drawn by the commits' hashes, in exact shares: every run of the same history is the same story. */
function fatesOf(commits: readonly Commit[]): ReadonlyMap<string, Fate> {
  const fates = new Map<string, Fate>()
  if (commits.length < MIN_FOR_FATES) return fates
  const drawn = commits
    .map(({ hash }) => ({ hash, at: uniform(`fate ${hash}`) }))
    .sort((one, other) => one.at - other.at)
    .values()
  for (const [fate, share] of SHARES) {
    for (let left = Math.ceil(commits.length * share); left > 0; left -= 1) {
      const next = drawn.next().value
      if (next !== undefined) fates.set(next.hash, fate)
    }
  }
  return fates
}
