/**
 * A database of the present schema, kept for ever, so that every later version is shown to open it: `npm run fixture`,
 * once per schema that is released; `npm run deploy` refuses without it (`--check`). `--root` names another checkout, to
 * make one of an older version. What it holds was made by the real system, and what that said of it stands beside it.
 */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import { ask, type Json } from './crash/api.ts'
import { npmStart, type Running } from './crash/npm-start.ts'
import { auditWhenComplete, read } from './crash/reads.ts'
import { accountFile } from './local-d1.ts'
import { ROOT } from './process-group.ts'
import { freePort } from './system.ts'

/** It looks like one, and opens nothing. */
const OWN_KEY = 'sk-ant-kept-for-ever-0123456789'

const { values } = parseArgs({
  options: { root: { type: 'string', default: ROOT }, check: { type: 'boolean', default: false } },
})
const root = resolve(values.root)
const newest =
  readdirSync(join(root, 'migrations', 'account'))
    .sort()
    .at(-1)
    ?.replace(/\.sql$/, '') ?? ''
const folder = join(ROOT, 'test', 'fixtures', newest)

if (values.check) {
  if (!existsSync(folder)) {
    console.error(`There is no database of the schema ${newest} yet. Make one with npm run fixture, and commit it.`)
    process.exitCode = 1
  }
} else if (existsSync(folder)) {
  console.error(`${folder} is there already, and is kept as it is.`)
  process.exitCode = 1
} else await makeFixture()

async function makeFixture(): Promise<void> {
  const state = mkdtempSync(join(tmpdir(), 'assay-fixture-'))
  const kept = { stateDir: join(state, 'state'), varsFile: join(state, 'vars') }
  const system = await npmStart({ port: await freePort(), stripePort: await freePort(), ...kept, root })
  const account = newest.slice(0, 4)
  try {
    await live(system, account)
    const violations = await auditWhenComplete(system, account)
    if (violations.length > 0) throw new Error(violations.join('\n'))
    const told = await whatItSays(system, account)
    await system.kill()
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'account.sql'), dump(accountFile(kept.stateDir, account)))
    writeFileSync(join(folder, 'told.json'), `${JSON.stringify(told, null, 2)}\n`)
    console.log(`Made ${folder}.`)
  } finally {
    await system.kill()
    rmSync(state, { recursive: true, force: true })
  }
}

/** Some of everything that an account can have. An older system does not know all of it yet, and has none of that. */
async function live(system: Running, account: string): Promise<void> {
  const write = writer(system, account)
  await write('operator', 'PUT', '', { name: 'Kept for ever', email: 'kept@example.com', allow_debt: true })
  const reason = { reason: 'for the fixture' }
  await write('operator', 'PUT', '/grants/gift', { kind: 'promotional', credits: 500, ...reason })
  await write('operator', 'PUT', '/grants/void', { kind: 'promotional', credits: 5, ...reason })
  await write('operator', 'DELETE', '/grants/void')
  await write('operator', 'PUT', '/grants/less', { kind: 'adjustment', credits: -7.5, ...reason })
  const facts = { tier: 'code_review', diff_lines: 150, files: 6, metadata: { repository: 'acme/api' } }
  await write('runner', 'PUT', '/reservations/settled', { ...facts, dedupe_key: 'one' })
  await write('runner', 'PUT', '/reservations/alias', { ...facts, dedupe_key: 'one' })
  await write('runner', 'POST', '/reservations/settled/settle', { cost_usd: '0.5031' })
  await write('runner', 'PUT', '/reservations/released', { credits: 20 })
  await write('runner', 'POST', '/reservations/released/release', reason)
  await write('runner', 'PUT', '/reservations/over', { credits: 10, overage: 'cap' })
  await write('runner', 'POST', '/reservations/over/settle', { credits: 12 })
  const held = { credits: 30, ttl_seconds: 3_600, max_credits: 90, overage: 'debt', on_expiry: 'settle_accrued' }
  await write('runner', 'PUT', '/reservations/held', held)
  await write('runner', 'POST', '/reservations/held/extend', { accrued: 12.25, credits: 40 })
  const { metadata: _, ...plain } = facts
  const quote = await write('runner', 'POST', '/quotes', plain)
  if (quote !== null) await write('runner', 'PUT', '/reservations/quoted', { quote: quote.id })
  if (quote !== null) await write('runner', 'POST', '/reservations/quoted/settle', { credits: 45 })
  await write('operator', 'POST', '/keys', { scope: 'read', name: 'kept' })
  await write('operator', 'POST', '/dashboard-sessions', {})
  await topUp(system, write)
}

type Write = ReturnType<typeof writer>

/** A pack that was bought with a card that is kept, half of it refunded, and an agreement to auto top-up. */
async function topUp({ stripeUrl, ...system }: Running, write: Write): Promise<void> {
  const urls = { success_url: 'https://shop.test/paid', cancel_url: 'https://shop.test/cancelled' }
  const begun = await write('operator', 'POST', '/checkout', { pack: 'starter', save_card: true, ...urls })
  if (begun === null) return
  const session = new URL(begun.url).pathname.split('/').at(-1)
  await fetch(`${stripeUrl}/_control/checkout/${session}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ card: 'pm_card_visa' }),
  })
  await write('operator', 'POST', `/purchases/${begun.purchase.id}/sync`, {})
  await write('operator', 'POST', `/purchases/${begun.purchase.id}/refund`, { amount_cents: 250, reason: 'half' })
  const { key } = await write('operator', 'POST', '/keys', { scope: 'billing' })
  const agreed = { enabled: true, threshold: 10, pack: 'starter', monthly_limit_cents: 2_000 }
  await writer({ ...system, stripeUrl, operatorKey: key }, write.account)('operator', 'PUT', '/auto-top-up', agreed)
  await writer({ ...system, stripeUrl, operatorKey: key }, write.account)('operator', 'PUT', '/byok', {
    api_key: OWN_KEY,
  })
  await write('operator', 'POST', '/checkout', { pack: 'team', ...urls })
}

function writer(system: Running, account: string) {
  /** `null` from a system that has no such route. */
  const write = async (scope: 'operator' | 'runner', method: string, path: string, body?: object): Promise<Json> => {
    const answered = await ask(system, scope, method, `/v1/accounts/${account}${path}`, body)
    if (answered?.status === 404) return null
    if (answered === null || answered.status >= 300) throw new Error(`${path}: ${JSON.stringify(answered)}`)
    return answered.body
  }
  return Object.assign(write, { account })
}

/** What a later version must say too, at that moment. */
async function whatItSays(system: Running, account: string) {
  const balance = await read(system, account, '/balance')
  const data = async (path: string) => (await read(system, account, path))?.data ?? []
  return {
    account,
    now: Date.now(),
    balance,
    reservations: await data('/reservations'),
    grants: await data('/grants'),
    entries: await data('/entries?limit=200'),
    purchases: await data('/purchases'),
    keys: await data('/keys'),
  }
}

/** The database as SQL, without what the runtime keeps in it for itself. */
function dump(file: string): string {
  const database = new DatabaseSync(file)
  const made = database
    .prepare("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE '\\_cf%' ESCAPE '\\'")
    .all()
    .filter(({ name }) => name !== 'sqlite_sequence')
  const rows = made
    .filter(({ type }) => type === 'table')
    .flatMap(({ name }) => {
      const columns = database.prepare(`SELECT name FROM pragma_table_info('${name}')`).all()
      const quoted = columns.map((column) => `quote("${column['name']}")`).join(" || ', ' || ")
      const lines = database.prepare(`SELECT ${quoted} AS line FROM "${name}"`).all()
      return lines.map(({ line }) => `INSERT INTO "${name}" VALUES (${line});`)
    })
  database.close()
  return `${[...made.map(({ sql }) => `${sql};`), ...rows].join('\n')}\n`
}
