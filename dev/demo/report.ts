/** What the demo prints in the end: the reviews, what they cost together, and whether everything adds up. */
import { styleText } from 'node:util'
import type { Pack, Tier } from './api.ts'
import type { Customer } from './customer.ts'
import type { History } from './history.ts'
import { complexityOf } from './review.ts'
import type { Reviewed } from './runner.ts'
import { renderTable } from './table.ts'

/** What fits a screen; the earlier reviews are in the totals. */
const MAX_ROWS = 25
const MAX_DIFFERENCES = 10
const FALLBACK_WIDTH = 120
/** On narrower terminals what the diff was made of gives way to what it cost. */
const WIDE = 100

export interface Catalogue {
  readonly tiers: readonly Tier[]
  readonly packs: readonly Pack[]
}

/** Prints, and returns whether the account is in order. */
export function report(history: History, customer: Customer, catalogue: Catalogue): boolean {
  const { name, commits, total, tree, shallow } = history
  const of = total > commits.length ? ` of ${count(total)}` : ''
  const size = `${count(tree.files)} files: ${complexityOf(tree.files)} complexity`
  console.log(
    `\n${styleText('bold', `${name}: ${count(commits.length)}${of} commits, each as a pull request`)} (${size})`,
  )
  if (shallow) console.log('A shallow clone: the commits at its edge are left out, for their changes are not in it.')
  printReviews(history, customer, catalogue)
  printTiers(customer, catalogue)
  printAccuracy(customer, catalogue)
  printCost(customer, catalogue)
  return printProof(customer)
}

function printReviews({ commits }: History, { reviewed }: Customer, { tiers }: Catalogue): void {
  const names = new Map(tiers.map((tier) => [tier.id, tier.name]))
  const byHash = new Map(reviewed.map((each) => [each.review.commit.hash, each]))
  const shown = commits.slice(-MAX_ROWS).flatMap(({ hash }) => byHash.get(hash) ?? [])
  const earlier = reviewed.length - shown.length
  // Something that is no terminal but claims to be one says 0.
  const width = process.stdout.columns || FALLBACK_WIDTH
  const rows = shown.map(({ review: { commit, facts }, estimate, reservation }) => [
    commit.hash.slice(0, 7),
    names.get(facts.tier) ?? facts.tier,
    ...(width < WIDE ? [] : [count(commit.lines), count(commit.files)]),
    estimate.typical.toFixed(1),
    reservation.credits.toFixed(1),
    credits(reservation.charged),
    credits(reservation.returned),
    reservation.late ? 'late' : reservation.state,
    // A subject may hold anything, an escape sequence too.
    commit.subject.replaceAll(/\p{Cc}/gu, ' '),
  ])
  const diff = width < WIDE ? [] : ['>lines', '>files']
  const head = ['commit', 'tier', ...diff, '>estimate', '>held', '>charged', '>returned', 'end', 'subject']
  console.log(`\n${renderTable(head, rows, width)}`)
  if (earlier > 0) console.log(`${count(earlier)} earlier reviews are in the totals only.`)
}

function printTiers({ reviewed }: Customer, { tiers }: Catalogue): void {
  const groups = tiers.map(({ id, name }) => [name, reviewed.filter(({ review }) => review.facts.tier === id)] as const)
  const used = groups.filter(([, group]) => group.length > 0)
  const rows = [...used, ['Total', reviewed] as const].map(([name, group]) => {
    const settled = group.filter(({ reservation }) => reservation.state === 'settled')
    const sum = (of: (each: Reviewed) => number | null) => sumCredits(settled.map(of))
    const charged = sum(({ reservation }) => reservation.charged)
    const inRange = settled.filter(isInRange).length
    return [
      name,
      count(group.length),
      count(settled.length),
      credits(sum(({ estimate }) => estimate.typical)),
      credits(charged),
      credits(sum(({ reservation }) => reservation.returned)),
      settled.length === 0 ? '' : (charged / settled.length).toFixed(1),
      settled.length === 0 ? '' : `${Math.round((100 * inRange) / settled.length)} %`,
    ]
  })
  const head = ['tier', '>reviews', '>settled', '>estimated', '>charged', '>returned', '>per review', '>in range']
  console.log(`\n${renderTable(head, rows)}`)
  console.log('In range: the cost lay within the low and high of the estimate. Costs are modelled from the real diffs.')
}

/** As the API says it: of what was announced, after whatever had been learned until then, and of the plain formula. */
function printAccuracy({ accuracy }: Customer, { tiers }: Catalogue): void {
  const names = new Map(tiers.map((tier) => [tier.id, tier.name]))
  const rows = accuracy.data.flatMap(({ tier, reviews, with_calibration, without_calibration }) => {
    const both = [
      [names.get(tier) ?? tier, count(reviews), 'announced', with_calibration],
      ['', '', 'plain formula', without_calibration],
    ] as const
    return both.map(([name, of, which, { in_range, covered_by_hold, median_error }]) => {
      return [name, of, which, ...[in_range, covered_by_hold, median_error].map(percent)]
    })
  })
  const head = ['tier', '>settled', 'estimate', '>in range', '>covered by hold', '>median error']
  console.log(`\n${renderTable(head, rows)}`)
  console.log('The account learned from its own reviews while they were played.')
}

function percent(share: number | null): string {
  return share === null ? '' : `${(100 * share).toFixed(1)} %`
}

function isInRange({ review, estimate }: Reviewed): boolean {
  const cost = Number(review.costUsd) * 100
  return estimate.low <= cost && cost <= estimate.high
}

function printCost(customer: Customer, { packs }: Catalogue): void {
  const { reviewed, granted, timesEmpty, callsRepeated } = customer
  const charged = chargedOf(customer)
  const pack = packs.find((each) => each.credits >= charged) ?? packs.at(-1)
  const price = pack === undefined ? charged : (charged * pack.price_cents) / pack.credits
  const asPack = pack === undefined || price >= charged ? '' : `, or ${dollars(price)} out of a ${pack.name} pack`
  console.log(
    `\n${styleText('bold', `Reviewing this cost ${credits(charged)} credits`)} (${dollars(charged)}${asPack}).`,
  )
  const ended = (state: string) => reviewed.filter(({ reservation }) => reservation.state === state).length
  const late = reviewed.filter(({ reservation }) => reservation.late).length
  const absorbed = sumCredits(reviewed.map(({ reservation }) => reservation.absorbed))
  const events = [
    [ended('released'), 'failed and were released, at no cost'],
    [ended('expired'), 'lost their runner; their holds expired, and all came back'],
    [late, 'lost their runner, which came back after the expiry and settled late'],
    [ended('held'), 'lost their runner and still hold credits, until they expire'],
    [callsRepeated, 'settled twice, as after a lost answer, and were charged once'],
    [timesEmpty, `pack(s) granted when the account ran out; granted in all, with the trial: ${credits(granted)}`],
    [absorbed, 'credits of cost were absorbed, beyond what a review may charge'],
  ] as const
  for (const [number, what] of events) if (number > 0) console.log(`  ${count(number).padStart(5)}  ${what}`)
}

function printProof({ granted, balance, audit, ...customer }: Customer): boolean {
  const { available, reserved, total } = balance
  const charged = chargedOf(customer)
  const addsUp = sumCredits([charged, total]) === sumCredits([granted])
  const { entries, history } = audit.checked
  console.log(`
Balance   available ${credits(available)} + reserved ${credits(reserved)} = total ${credits(total)}
Books     granted ${credits(granted)} ${addsUp ? '=' : '≠'} charged ${credits(charged)} + total ${credits(total)}
Audit     ${audit.ok ? 'ok' : 'NOT OK'}: ${count(entries)} entries, ${count(history)} of them in history, ${count(audit.differences.length)} differences`)
  for (const difference of audit.differences.slice(0, MAX_DIFFERENCES)) console.log(`  ${difference}`)
  return audit.ok && addsUp
}

function chargedOf({ reviewed }: Pick<Customer, 'reviewed'>): number {
  return sumCredits(reviewed.map(({ reservation }) => reservation.charged))
}

/** Exactly: in thousandths, as the ledger counts. */
function sumCredits(amounts: readonly (number | null)[]): number {
  return amounts.reduce<number>((sum, amount) => sum + Math.round((amount ?? 0) * 1000), 0) / 1000
}

function credits(amount: number | null): string {
  if (amount === null) return ''
  return amount.toLocaleString('en', { minimumFractionDigits: 3, maximumFractionDigits: 3 })
}

function count(number: number): string {
  return number.toLocaleString('en')
}

/** A credit is a cent. */
function dollars(cents: number): string {
  return (cents / 100).toLocaleString('en', { style: 'currency', currency: 'USD' })
}
