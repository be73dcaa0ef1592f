/**
 * A repository's history as reviews would see it: every commit is a pull request. One pass of `git log` over any number
 * of commits; nothing is written to the repository.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { basename, resolve } from 'node:path'
import { createInterface } from 'node:readline'

/** Beyond this a demo is no longer one; `--last` asks for more. */
const DEFAULT_COMMITS = 2_000

/** Nobody reviews these line by line, and a change of them would be the largest review of all. */
const GENERATED =
  /(^|\/)(package-lock\.json|npm-shrinkwrap\.json|[^/]*[.-]lock(\.yaml|b)?|go\.sum)$|\.(min\.js|map|snap)$/

export interface Commit {
  readonly hash: string
  readonly subject: string
  /** Added plus removed, without generated files. */
  readonly lines: number
  readonly files: number
}

/** The tree of the newest commit: what is read around a diff depends on it. */
export interface Tree {
  readonly files: number
  /** Of its text files that are not generated: how long the lines of the median one are, and how many one has on average. */
  readonly bytesPerLine: number
  readonly linesPerFile: number
}

export interface History {
  readonly name: string
  /** From the oldest to the newest. */
  readonly commits: readonly Commit[]
  /** How many commits there are that could have been taken. */
  readonly total: number
  readonly tree: Tree
  readonly shallow: boolean
}

/** What is wrong with the given path, in words for the one who gave it. */
export class HistoryError extends Error {}

export async function readHistory(path: string, last = DEFAULT_COMMITS): Promise<History> {
  if (!existsSync(path)) throw new HistoryError(`There is no ${path}.`)
  const git = (...args: readonly string[]) => runGit(path, args)
  const [isBare] = await git('rev-parse', '--is-bare-repository')
  const [top = path] = isBare === 'true' ? [resolve(path)] : await git('rev-parse', '--show-toplevel')
  // A branch without a commit is no failure of git's, but there is nothing to review.
  const head = await git('rev-parse', '--verify', '--quiet', 'HEAD').catch(() => [])
  if (head.length === 0) throw new HistoryError(`The repository ${path} has no commits yet.`)
  const boundary = await shallowBoundary(path)
  const [count = '0'] = await git('rev-list', '--count', '--no-merges', 'HEAD')
  const changes = await readChanges(path, last + boundary.size)
  const commits = changes.filter(({ hash, files }) => files > 0 && !boundary.has(hash)).slice(0, last)
  if (commits.length === 0) throw new HistoryError(`No commit of ${path} changes a file.`)
  return {
    name: basename(top).replace(/\.git$/, '') || 'repository',
    commits: commits.reverse(),
    total: Math.max(Number(count) - boundary.size, commits.length),
    tree: await readTree(path),
    shallow: boundary.size > 0,
  }
}

/** In a shallow clone the oldest commits seem to add the whole tree: their true changes are not here. */
async function shallowBoundary(path: string): Promise<ReadonlySet<string>> {
  const [file] = await runGit(path, ['rev-parse', '--git-path', 'shallow'])
  const found = file === undefined ? '' : resolve(path, file)
  return new Set(existsSync(found) ? readFileSync(found, 'utf8').split('\n').filter(Boolean) : [])
}

/** A diff from nothing to the tree says of each text file how many lines it has, and of a binary one that it has none. */
async function readTree(path: string): Promise<Tree> {
  const bytesOf = new Map<string, number>()
  await eachLine(path, ['ls-tree', '-r', '-l', 'HEAD'], (line) => {
    const [, bytes, name = ''] = /^\d+ \w+ \w+ +(\d+|-)\t(.+)$/.exec(line) ?? []
    bytesOf.set(name, Number(bytes) || 0)
  })
  const [nothing = ''] = await runGit(path, ['hash-object', '-t', 'tree', '/dev/null'])
  const lengths: number[] = []
  let lines = 0
  await eachLine(path, ['diff', '--numstat', '--no-ext-diff', '--no-textconv', nothing, 'HEAD'], (line) => {
    const [, added, name = ''] = /^(\d+)\t0\t(.+)$/.exec(line) ?? []
    if (added === undefined || Number(added) === 0 || isGenerated(name)) return
    lengths.push((bytesOf.get(name) ?? 0) / Number(added))
    lines += Number(added)
  })
  const bytesPerLine = lengths.sort((one, other) => one - other)[Math.floor(lengths.length / 2)] ?? 0
  return { files: bytesOf.size, bytesPerLine, linesPerFile: lines / Math.max(1, lengths.length) }
}

const COMMIT_MARK = '\x01'

async function readChanges(path: string, last: number): Promise<Commit[]> {
  const commits: { hash: string; subject: string; lines: number; files: number }[] = []
  await eachLine(path, logArguments(last), (line) => {
    if (line.startsWith(COMMIT_MARK)) {
      const [hash = '', subject = ''] = line.slice(1).split(COMMIT_MARK)
      commits.push({ hash, subject, lines: 0, files: 0 })
      return
    }
    // Of a binary file git says "-" in place of the lines; a rename is one file, with what else changed in it.
    const [, added, removed, name = ''] = /^(\d+|-)\t(\d+|-)\t(.+)$/.exec(line) ?? []
    const commit = commits.at(-1)
    if (added === undefined || removed === undefined || commit === undefined) return
    commit.files += 1
    if (added !== '-' && !isGenerated(name)) commit.lines += Number(added) + Number(removed)
  })
  return commits
}

/** A rename ends in "}" where only a folder's name changed. */
function isGenerated(name: string): boolean {
  return GENERATED.test(name.replaceAll(/["}]/g, ''))
}

/** What the user has configured must not change what is read. */
function logArguments(last: number): string[] {
  const format = `--format=${COMMIT_MARK}%H${COMMIT_MARK}%s`
  const settings = ['log.showRoot=true', 'log.showSignature=false', 'diff.renames=true'].flatMap((each) => ['-c', each])
  const options = ['--numstat', '--no-merges', '--no-ext-diff', '--no-textconv', '--no-color', `--max-count=${last}`]
  return [...settings, 'log', ...options, format, 'HEAD']
}

async function runGit(path: string, args: readonly string[]): Promise<string[]> {
  const lines: string[] = []
  await eachLine(path, args, (line) => lines.push(line))
  return lines
}

async function eachLine(path: string, args: readonly string[], onLine: (line: string) => void): Promise<void> {
  // Set where git itself runs something (a hook); then they would name another repository.
  const { GIT_DIR: _, GIT_WORK_TREE: __, GIT_INDEX_FILE: ___, ...env } = process.env
  const child = spawn('git', ['-C', path, ...args], { env: { ...env, LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let complaint = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text
  })
  const ended = new Promise<number | null>((done, fail) => {
    child.on('close', done)
    child.on('error', () => fail(new HistoryError('git cannot be run: is it installed?')))
  })
  const lines = createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', onLine)
  const [code] = await Promise.all([ended, once(lines, 'close')])
  if (code === 0) return
  const isNone = complaint.includes('not a git repository')
  throw new HistoryError(
    isNone ? `${path} is not a git repository.` : `git could not read ${path}: ${complaint.trim()}`,
  )
}
