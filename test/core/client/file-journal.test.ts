/** The journal in a file: what it said yes to is there after any crash. */
import { appendFile, mkdir, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Problem } from '../../../src/client/contract.ts'
import { FileJournal } from '../../../src/client/node/index.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'assay-journal-'))
  path = join(folder, 'settlements.jsonl')
})

afterEach(async () => {
  for (const journal of opened.splice(0)) await journal.close().catch(() => {})
  await rm(folder, { recursive: true, force: true })
})

const opened: FileJournal[] = []

async function openJournal(file: string): Promise<FileJournal> {
  const journal = await FileJournal.open(file)
  opened.push(journal)
  return journal
}

const settlement = (reservation: string) => ({ account: 'acme', reservation, cost: { cost_usd: '0.5031' } })
const PROBLEM: Problem = { type: '', title: '', status: 404, detail: '', code: 'not_found' }

test('it remembers what is neither done nor undeliverable, and what is undeliverable until it was seen to', async () => {
  const journal = await openJournal(path)
  await Promise.all(['one', 'two', 'three'].map((id) => journal.record(settlement(id))))
  await journal.done(settlement('two'))
  await journal.undeliverable(settlement('three'), PROBLEM)
  // The file is not closed, as it would not be after a crash.
  const next = await openJournal(path)
  for (const each of [journal, next]) {
    expect(each.pending()).toEqual([settlement('one')])
    expect(each.undelivered()).toEqual([{ settlement: settlement('three'), problem: PROBLEM }])
  }
  await next.done(settlement('three'))
  expect((await openJournal(path)).undelivered()).toEqual([])
})

test('wherever the last line was torn, all before it is there, and so is all that comes after', async () => {
  const journal = await openJournal(path)
  await journal.record(settlement('one'))
  await journal.record(settlement('two'))
  await journal.close()
  const whole = await readFile(path)
  const first = whole.indexOf('\n') + 1
  for (let length = first; length < whole.length; length += 1) {
    await writeFile(path, whole)
    await truncate(path, length)
    const torn = await openJournal(path)
    // Without its line feed alone, the line is whole.
    const held = length === whole.length - 1 ? ['one', 'two'] : ['one']
    expect(torn.pending(), `${length} bytes`).toEqual(held.map(settlement))
    await torn.record(settlement('three'))
    await torn.close()
    const next = await openJournal(path)
    expect(next.pending(), `${length} bytes`).toEqual([...held, 'three'].map(settlement))
    await next.close()
  }
})

test('lines that are none of ours are left alone', async () => {
  await appendFile(path, '17\nnull\n\n{"is":"done"}\nhello\n{"is":"recorded","settlement":null}\n')
  await appendFile(path, '{"is":"recorded","settlement":{"account":"acme","reservation":"one"}}\n')
  const journal = await openJournal(path)
  await journal.record(settlement('one'))
  expect((await openJournal(path)).pending()).toEqual([settlement('one')])
})

test('it stays short, however many settlements pass through it', async () => {
  const lines = Array.from({ length: 12_000 }, (_, at) => {
    const each = settlement(`old${at}`)
    return `${JSON.stringify({ is: 'recorded', settlement: each })}\n${JSON.stringify({ is: 'done', settlement: each })}\n`
  })
  await writeFile(path, lines.join(''))
  const journal = await openJournal(path)
  await journal.record(settlement('one'))
  await journal.record(settlement('two'))
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3)
  expect((await openJournal(path)).pending()).toEqual(['one', 'two'].map(settlement))
})

test('a file that cannot be made shorter takes what comes all the same', async () => {
  const each = settlement('old')
  const done = `${JSON.stringify({ is: 'done', settlement: each })}\n`
  await writeFile(path, done.repeat(10_001))
  // In the way of the shorter one.
  await mkdir(`${path}.new`)
  const journal = await openJournal(path)
  await journal.record(settlement('one'))
  await journal.record(settlement('two'))
  expect((await openJournal(path)).pending()).toEqual(['one', 'two'].map(settlement))
})

test('made shorter, it keeps what another process has recorded in it', async () => {
  const done = `${JSON.stringify({ is: 'done', settlement: settlement('old') })}\n`
  const leaving = await openJournal(path)
  await appendFile(path, done.repeat(10_001))
  const journal = await openJournal(path)
  await leaving.record(settlement('one'))
  await leaving.close()
  await journal.record(settlement('two'))
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(3)
  expect((await openJournal(path)).pending()).toEqual(['one', 'two'].map(settlement))
})

test('a journal that cannot be written says so', async () => {
  await expect(openJournal(join(folder, 'none', 'journal'))).rejects.toThrow('ENOENT')
  const journal = await openJournal(path)
  await journal.close()
  await expect(journal.record(settlement('one'))).rejects.toThrow()
})
