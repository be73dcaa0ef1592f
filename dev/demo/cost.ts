/**
 * What a review really costs, modelled from the diff and from nothing that the estimate is made of: tokens that a model
 * reads and writes, at their price. The same commit always costs the same.
 */
import { createHash } from 'node:crypto'
import type { Tree } from './history.ts'
import type { TierId } from './review.ts'

const USD_PER_TOKEN_READ = 3 / 1_000_000
const USD_PER_TOKEN_WRITTEN = 15 / 1_000_000

interface Reading {
  /** A Code Review checks its own findings; a Deep Analysis has one shared pass and four specialists. */
  readonly passes: number
  /** Of one pass: instructions and conventions, then for each file what surrounds it, then the report. */
  readonly promptTokens: number
  readonly contextTokensPerFile: number
  readonly maxFilesWithContext: number
  readonly reportTokens: number
  readonly remarkTokensPerLine: number
}

const READINGS: Readonly<Record<TierId, Reading>> = {
  quick_scan: {
    passes: 1,
    promptTokens: 28_000,
    contextTokensPerFile: 900,
    maxFilesWithContext: 20,
    reportTokens: 2_400,
    remarkTokensPerLine: 9,
  },
  code_review: {
    passes: 2,
    promptTokens: 34_000,
    contextTokensPerFile: 3_000,
    maxFilesWithContext: 30,
    reportTokens: 4_500,
    remarkTokensPerLine: 6,
  },
  deep_analysis: {
    passes: 5,
    promptTokens: 44_000,
    contextTokensPerFile: 2_800,
    maxFilesWithContext: 40,
    reportTokens: 7_500,
    remarkTokensPerLine: 3,
  },
}

/** Of code, roughly, for every language: a line of 40 bytes is 11 tokens. */
const BYTES_PER_TOKEN = 3.6
/** Lines of prose that nobody broke are read in part. */
const MAX_TOKENS_PER_LINE = 40
/** Where a diff is larger, a model reads the rest of it in summary. */
const MAX_LINES_READ = 8_000
/** In a tree of this many files a look around costs what is said above; each doubling adds a tenth. */
const USUAL_TREE_FILES = 400
const PER_DOUBLING = 0.1
/** What is said above of a file's surroundings is so of files of this length; of longer ones more is read, if not all. */
const USUAL_FILE = { lines: 150, tokensPerLine: 11 }
const MAX_FILE_FACTOR = 3
/** Models wander: two thirds of reviews cost within 22 % of what their diff alone would say. */
const WANDERING = 0.2

/** A hash is told apart by fewer, and stored histories keep no more of it. */
export const HASH_DIGITS = 10

/** A decimal string of USD. How long lines and files are, and how many files, is measured in the repository itself. */
export function actualCostUsd(
  commit: { readonly hash: string; readonly lines: number; readonly files: number },
  tier: TierId,
  tree: Tree,
): string {
  const reading = READINGS[tier]
  const lines = Math.min(commit.lines, MAX_LINES_READ)
  const looks = Math.min(commit.files, reading.maxFilesWithContext)
  const tokensPerLine = Math.min(MAX_TOKENS_PER_LINE, tree.bytesPerLine / BYTES_PER_TOKEN)
  const context = looks * reading.contextTokensPerFile * treeFactor(tree) * fileFactor(tree, tokensPerLine)
  const read = reading.promptTokens + lines * tokensPerLine + context
  const written = reading.reportTokens + lines * reading.remarkTokensPerLine
  const usd = reading.passes * (read * USD_PER_TOKEN_READ + written * USD_PER_TOKEN_WRITTEN)
  return (usd * Math.exp(WANDERING * normal(commit.hash.slice(0, HASH_DIGITS)))).toFixed(6)
}

function treeFactor({ files }: Tree): number {
  return Math.max(0.6, 1 + PER_DOUBLING * Math.log2(Math.max(1, files) / USUAL_TREE_FILES))
}

/** Of a file twice as long, half as much again is read; with longer lines it is more tokens. */
function fileFactor({ linesPerFile }: Tree, tokensPerLine: number): number {
  const length = Math.sqrt(linesPerFile / USUAL_FILE.lines)
  return Math.min(MAX_FILE_FACTOR, (length * tokensPerLine) / USUAL_FILE.tokensPerLine)
}

/** A number in [0, 1) that belongs to the seed. */
export function uniform(seed: string): number {
  return createHash('sha256').update(seed).digest().readUInt32BE() / 2 ** 32
}

/** Normally distributed (Box and Muller). */
function normal(seed: string): number {
  const radius = Math.sqrt(-2 * Math.log(1 - uniform(`radius ${seed}`)))
  return radius * Math.cos(2 * Math.PI * uniform(`angle ${seed}`))
}
