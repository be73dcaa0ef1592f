/** What runs on this machine, as `ps` sees it. */
import { execFileSync } from 'node:child_process'

export interface Process {
  readonly pid: number
  readonly parent: number
  readonly group: number
  readonly command: string
}

/** Those that run: a zombie runs no more, and who collects it, and when, is the machine's affair. */
export function processes(): Process[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,pgid=,stat=,comm='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const [pid, parent, group, state, command = ''] = line.trim().split(/\s+/)
    if (pid === '' || state?.startsWith('Z')) return []
    return [{ pid: Number(pid), parent: Number(parent), group: Number(group), command }]
  })
}
