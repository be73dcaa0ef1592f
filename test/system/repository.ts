/** A small repository whose history is the same every time, down to the hashes: with a binary file, a rename, a lock file. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** No more than the demo shows, so that the test sees every row. */
export const COMMITS = 24

/** By subject: what of its diff counts. */
export const SPECIAL_COMMITS = {
  'Add the logo': { lines: 0, files: 1 },
  'Move the parser': { lines: 0, files: 1 },
  'Update dependencies': { lines: 0, files: 1 },
  'Rewrite the importer': { lines: 900, files: 1 },
} as const

/** The last moment of it is before any test runs, and every commit has its own minute. */
const FIRST_COMMIT_AT = Date.parse('2026-01-05T09:00:00Z')

export function createRepository(path: string): void {
  mkdirSync(path, { recursive: true })
  git(path, 'init', '--quiet', '--initial-branch=main')
  let commits = 0
  const commit = (subject: string) => {
    git(path, 'add', '--all')
    git(path, '-c', `user.name=A`, '-c', 'user.email=a@example.com', 'commit', '--quiet', '-m', subject, {
      at: commits,
    })
    commits += 1
  }
  write(path, 'src/parser.ts', lines('parser', 120))
  commit('Begin')
  write(path, 'logo.png', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0, 1, 2, 3]))
  commit('Add the logo')
  mkdirSync(join(path, 'src/parse'))
  renameSync(join(path, 'src/parser.ts'), join(path, 'src/parse/parser.ts'))
  commit('Move the parser')
  write(path, 'package-lock.json', lines('lock', 5_000))
  commit('Update dependencies')
  write(path, 'src/importer.ts', lines('importer', 900))
  commit('Rewrite the importer')
  while (commits < COMMITS) {
    // Diffs from a few lines in one file to hundreds in several.
    const files = 1 + (commits % 5)
    for (let file = 0; file < files; file += 1) {
      write(path, `src/part-${commits}-${file}.ts`, lines(`part ${commits}`, 3 + ((commits * 37) % 140)))
    }
    commit(`Add part ${commits}: a title that is longer than what a line of the table has room for, so it is cut`)
  }
}

/** Nothing that the user or the machine has configured changes what is made. */
export function git(path: string, ...args: readonly (string | { readonly at: number })[]): void {
  const words = args.filter((each) => typeof each === 'string')
  const at = args.find((each) => typeof each !== 'string')?.at ?? 0
  const date = new Date(FIRST_COMMIT_AT + at * 60_000).toISOString()
  const config = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' }
  const env = { ...process.env, ...config, GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date }
  execFileSync('git', ['-C', path, ...words], { env, stdio: ['ignore', 'ignore', 'pipe'] })
}

function lines(of: string, count: number): string {
  return Array.from({ length: count }, (_, index) => `// ${of}, line ${index}\n`).join('')
}

function write(path: string, name: string, content: string | Buffer): void {
  mkdirSync(dirname(join(path, name)), { recursive: true })
  writeFileSync(join(path, name), content)
}
