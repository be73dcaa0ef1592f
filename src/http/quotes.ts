/**
 * The id of a quote: the quote itself, signed. So quoting stores nothing, and what was promised is read from what the
 * runner brings back. Whether a signature holds is found here; what follows from it, the ledger decides after it has
 * looked up the reservation's id (R3): a repetition is answered even if the secret is gone since.
 */
import * as z from 'zod'
import type { QuoteRefusal } from '../account/requests.ts'
import { COMPLEXITIES, SPECIALISTS } from '../catalog/estimates.ts'
import type { Quote } from '../catalog/quotes.ts'
import { TIER_IDS } from '../catalog/tiers.ts'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { isSigned, sha256, sign } from './signing.ts'

/** Whatever the facts: a longer one is none of ours. */
export const MAX_QUOTE_ID_LENGTH = 1_024

/**
 * A repository's name may be 500 characters of any script, which alone would fill an id. One that is written in more
 * bytes than this stands in it as its hash: bound like every other fact, but no longer known by name.
 */
const MAX_REPOSITORY_BYTES = 400

const QUOTE_ID = /^quote_([A-Za-z0-9_-]{40,927})\.([A-Za-z0-9_-]{43})$/
const KEY_BYTES = 16

const amount = z.int().min(0)
/** Named by their places, to be short. The number in front is for the day on which they change. */
const Payload = z.tuple([
  z.literal(1),
  z.string(),
  z.enum(TIER_IDS),
  z.int(),
  z.int(),
  z.enum(COMPLEXITIES),
  z.array(z.enum(SPECIALISTS)).nullable(),
  z.union([z.string(), z.strictObject({ sha256: z.string() })]).nullable(),
  z.tuple([amount, amount, amount, amount]),
  amount,
  z.int(),
  z.string().min(1),
])

export function newQuoteKey(): string {
  return toBase64Url(crypto.getRandomValues(new Uint8Array(KEY_BYTES)))
}

export async function quoteId(quote: Quote, secrets: readonly string[]): Promise<string> {
  const { account, facts, estimate, maxCredits, expiresAt, key } = quote
  const { tier, diffLines, files, complexity, specialists } = facts
  const { typical, low, high, reserve } = estimate
  const repository = await boundRepository(facts.repository)
  const named = specialists === null ? null : [...new Set(specialists)]
  const prices: [number, number, number, number] = [typical, low, high, reserve]
  const payload: z.input<typeof Payload> = [
    1,
    account,
    tier,
    diffLines,
    files,
    complexity,
    named,
    repository,
    prices,
    maxCredits,
    expiresAt,
    key,
  ]
  const signed = `quote_${toBase64Url(new TextEncoder().encode(JSON.stringify(payload)))}`
  return `${signed}.${await sign('quote', signed, secrets)}`
}

/** The quote that an id is, if one of our secrets signed it for this account; else why it is none. No I/O. */
export async function readQuote(
  id: string,
  account: string,
  secrets: readonly string[],
): Promise<Quote | QuoteRefusal> {
  const [, , mac = ''] = QUOTE_ID.exec(id) ?? []
  // The last character of a MAC has bits to spare: without this, each quote would have other spellings.
  if (mac === '' || toBase64Url(fromBase64Url(mac) ?? new Uint8Array()) !== mac) return 'forged'
  if (!(await isSigned('quote', id.slice(0, id.lastIndexOf('.')), mac, secrets))) return 'forged'
  const quote = parseQuote(id)
  return quote?.account === account ? quote : 'mismatch'
}

/** What an id says, whoever signed it; `null` if it is not written as we write them now. */
export function parseQuote(id: string): Quote | null {
  const bytes = fromBase64Url(QUOTE_ID.exec(id)?.[1] ?? '')
  const payload = Payload.safeParse(bytes === null ? null : parseJson(new TextDecoder().decode(bytes)))
  if (!payload.success) return null
  const [, account, tier, diffLines, files, complexity, specialists, named, prices, maxCredits, expiresAt, key] =
    payload.data
  const [typical, low, high, reserve] = prices
  const repository = typeof named === 'string' ? named : null
  const facts = { tier, diffLines, files, complexity, specialists, repository }
  return { account, facts, estimate: { typical, low, high, reserve }, maxCredits, expiresAt, key }
}

async function boundRepository(repository: string | null): Promise<string | { readonly sha256: string } | null> {
  if (repository === null) return null
  const written = new TextEncoder().encode(JSON.stringify(repository))
  return written.byteLength <= MAX_REPOSITORY_BYTES ? repository : { sha256: await sha256(repository) }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
