/**
 * A journal in a file of JSON lines: only ever appended to, each line on disk before its promise resolves. A line that a
 * crash tore off is skipped; its settlement had not been sent. One process at a time may have the file.
 */
import { type FileHandle, open, readFile, rename } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import type { Problem } from '../contract.ts'
import { type Journal, nameOf, type Settlement } from '../journal.ts'

/** A file longer than what it holds by so many lines is written anew; a line has about 200 bytes. */
const MAX_SPENT_LINES = 10_000

type Line = { readonly settlement: Settlement } & (
  | { readonly is: 'recorded' | 'done' }
  | { readonly is: 'undeliverable'; readonly problem: Problem }
)

/** What is neither done nor forgotten, by name. */
type Held = Map<string, Line>

export class FileJournal implements Journal {
  readonly #path: string
  readonly #held: Held
  #file: FileHandle
  #spentLines: number
  /** What is appended next must not become part of a line that was torn off. */
  #isTorn: boolean
  /** One write after the other, whoever asks. */
  #last: Promise<unknown> = Promise.resolve()

  private constructor(path: string, file: FileHandle, held: Held, spentLines: number, isTorn: boolean) {
    this.#path = path
    this.#file = file
    this.#held = held
    this.#spentLines = spentLines
    this.#isTorn = isTorn
  }

  /** Makes the file if there is none; its folder must be there. One process at a time may have it, on a disk of its own. */
  static async open(path: string): Promise<FileJournal> {
    const file = resolve(path)
    const { held, lines, isTorn } = await read(file)
    const handle = await open(file, 'a', 0o600)
    await syncFolder(file)
    return new FileJournal(file, handle, held, lines - held.size, isTorn)
  }

  record(settlement: Settlement): Promise<void> {
    return this.#write({ is: 'recorded', settlement })
  }

  done(settlement: Settlement): Promise<void> {
    return this.#write({ is: 'done', settlement })
  }

  undeliverable(settlement: Settlement, problem: Problem): Promise<void> {
    return this.#write({ is: 'undeliverable', settlement, problem })
  }

  pending(): readonly Settlement[] {
    return [...this.#held.values()].filter(({ is }) => is === 'recorded').map(({ settlement }) => settlement)
  }

  /** For people to look into. They stay until `done` says that one was seen to. */
  undelivered(): readonly { readonly settlement: Settlement; readonly problem: Problem }[] {
    return [...this.#held.values()].flatMap((line) =>
      line.is === 'undeliverable' ? [{ settlement: line.settlement, problem: line.problem }] : [],
    )
  }

  async close(): Promise<void> {
    await this.#inTurn(() => this.#file.close())
  }

  #write(line: Line): Promise<void> {
    return this.#inTurn(async () => {
      const text = this.#isTorn ? `\n${toText(line)}` : toText(line)
      this.#isTorn = true
      await this.#file.appendFile(text)
      this.#isTorn = false
      await this.#file.datasync()
      const before = this.#held.size
      apply(this.#held, line)
      this.#spentLines += 1 - (this.#held.size - before)
      if (this.#spentLines > MAX_SPENT_LINES) await this.#shorten()
    })
  }

  /** The line is on disk already, so a file that cannot be made shorter is only long; it is tried again as far on. */
  async #shorten(): Promise<void> {
    this.#spentLines = 0
    await this.#rewrite().catch(() => {})
  }

  /**
   * Beside the old file and then in its place: at every moment one of them is whole. What is kept is what the file says:
   * a process that is on its way out may have recorded more in it.
   */
  async #rewrite(): Promise<void> {
    const { held } = await read(this.#path)
    const shorter = `${this.#path}.new`
    const file = await open(shorter, 'w', 0o600)
    try {
      await file.appendFile([...held.values()].map(toText).join(''))
      await file.datasync()
      await rename(shorter, this.#path)
    } catch (error) {
      await file.close()
      throw error
    }
    // From here on the old file has no name, and what is appended to it is lost.
    const old = this.#file
    this.#file = file
    await old.close()
    await syncFolder(this.#path)
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(write)
    // One that failed has told its caller; the next has its own chance.
    this.#last = mine.catch(() => {})
    return mine
  }
}

async function read(path: string): Promise<{ held: Held; lines: number; isTorn: boolean }> {
  const held: Held = new Map()
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw error
  })
  const lines = text.split('\n')
  for (const each of lines) {
    const line = parse(each)
    if (line !== null) apply(held, line)
  }
  return { held, lines: lines.length - 1, isTorn: text !== '' && !text.endsWith('\n') }
}

function apply(held: Held, line: Line): void {
  const name = nameOf(line.settlement)
  if (line.is === 'done') held.delete(name)
  else held.set(name, line)
}

function parse(text: string): Line | null {
  try {
    const line = JSON.parse(text) as Line | null
    // A part of a line can be JSON too: a number, say.
    const { account, reservation, cost } = line?.settlement ?? {}
    return typeof account === 'string' && typeof reservation === 'string' && cost ? line : null
  } catch {
    return null
  }
}

function toText(line: Line): string {
  return `${JSON.stringify(line)}\n`
}

/** A new name is only on disk once its folder is. */
async function syncFolder(path: string): Promise<void> {
  // Windows neither can nor needs to.
  const folder = await open(dirname(path), 'r').catch(() => null)
  if (folder === null) return
  try {
    await folder.sync()
  } catch (error) {
    if (process.platform !== 'win32') throw error
  } finally {
    await folder.close()
  }
}
