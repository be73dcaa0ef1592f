/**
 * Histories that are kept with the source, so that what is measured of them can be measured again: of each commit only
 * the beginning of its hash and how many lines and files it changed.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { HASH_DIGITS } from '../demo/cost.ts'
import type { Commit, History } from '../demo/history.ts'

const FOLDER = join(import.meta.dirname, 'histories')
const ENDING = '.tsv'

export function readStored(): History[] {
  return readdirSync(FOLDER)
    .filter((file) => file.endsWith(ENDING))
    .sort()
    .map((file) => parse(basename(file, ENDING), readFileSync(join(FOLDER, file), 'utf8')))
}

export function store({ name, tree, total, commits }: History): void {
  const head = [total, tree.files, tree.bytesPerLine, tree.linesPerFile].join('\t')
  const lines = commits.map(({ hash, lines, files }) => [hash.slice(0, HASH_DIGITS), lines, files].join('\t'))
  writeFileSync(join(FOLDER, name + ENDING), `${[HEAD, head, ...lines].join('\n')}\n`)
}

const HEAD = '# commits in all, files, bytes per line, lines per file; then from the oldest: hash, lines, files changed'

function parse(name: string, text: string): History {
  const [, head = '', ...lines] = text.trimEnd().split('\n')
  const [total = 0, files = 0, bytesPerLine = 0, linesPerFile = 0] = head.split('\t').map(Number)
  const commits = lines.map((line): Commit => {
    const [hash = '', changed = '0', touched = '0'] = line.split('\t')
    return { hash, subject: '', lines: Number(changed), files: Number(touched) }
  })
  return { name, commits, total, tree: { files, bytesPerLine, linesPerFile }, shallow: false }
}
