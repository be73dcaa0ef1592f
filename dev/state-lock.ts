/**
 * One system per state directory. Two would be two writers of the same balances, which in production cannot be: there
 * the platform sees to it that an account has one object.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { SystemError } from './secrets.ts'

const SECOND_SYSTEM = 'For a second system: PORT=… STRIPE_DOUBLE_PORT=… STATE_DIR=… npm start'

/**
 * Takes the directory for this process; the answer gives it back. What a dead process left behind is taken over. The
 * advice tells who finds it taken what to do.
 */
export function lockState(stateDir: string, advice = SECOND_SYSTEM): () => void {
  const file = join(stateDir, 'in-use')
  try {
    writeFileSync(file, String(process.pid), { flag: 'wx' })
  } catch {
    const holder = Number(readFileSync(file, 'utf8'))
    if (isAlive(holder)) {
      throw new SystemError(`${stateDir} is in use by process ${holder}. ${advice}`)
    }
    writeFileSync(file, String(process.pid))
  }
  return () => rmSync(file, { force: true })
}

function isAlive(pid: number): boolean {
  try {
    return pid > 0 && process.kill(pid, 0)
  } catch {
    return false
  }
}
