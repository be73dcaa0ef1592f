/** Entries as CSV (RFC 4180), streamed page by page: memory stays the same whatever the length of the ledger. */
import { type EntryFilter, readEntries } from '../history/read.ts'
import { presentEntry } from './present.ts'

const PAGE = 1_000

const COLUMNS = [
  'seq',
  'at',
  'kind',
  'available_delta',
  'reserved_delta',
  'debt_delta',
  'available',
  'reserved',
  'debt',
  'charged',
  'absorbed',
  'cost_usd',
  'mode',
  'late',
  'reservation',
  'purchase',
  'tier',
] as const

/** Newest first, like the pages. A failure of D1 on the way breaks the stream, so that half a file is not taken for whole. */
export function csvOfEntries(db: D1Database, account: string, filter: EntryFilter): Response {
  const encoder = new TextEncoder()
  let before: number | null | 'done' = null
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode(`${[...COLUMNS, 'repository', 'pull_request'].join(',')}\r\n`))
    },
    async pull(controller) {
      if (before === 'done') return controller.close()
      const entries = await readEntries(db, account, filter, before, PAGE)
      before = entries.length < PAGE ? 'done' : (entries.at(-1)?.seq ?? 'done')
      const lines = entries.map((entry) => `${lineOf(presentEntry(entry))}\r\n`)
      controller.enqueue(encoder.encode(lines.join('')))
    },
  })
  return new Response(body, {
    headers: {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${account}-entries.csv"`,
      'Cache-Control': 'no-store',
    },
  })
}

function lineOf(entry: ReturnType<typeof presentEntry>): string {
  const { metadata } = entry
  const cells = [
    ...COLUMNS.map((column) => entry[column]),
    metadata['repository'] ?? null,
    metadata['pull_request'] ?? null,
  ]
  return cells.map(cellOf).join(',')
}

/** How formulas begin, in full width too, and what some spreadsheets pass over in front of them. */
const FORMULA = /^(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/

/** Text that a spreadsheet would take for a formula is made text: runners write metadata, accountants open the file. */
function cellOf(value: string | number | boolean | null): string {
  if (value === null) return ''
  if (typeof value !== 'string') return String(value)
  const text = FORMULA.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
