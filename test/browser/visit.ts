/** How people come into the dashboard in a browser, and how a test knows that history has all that happened. */
import type { Page } from 'playwright-core'
import { expect, vi } from 'vitest'
import type { System } from '../../dev/system.ts'
import { ask } from './browser.ts'

const HISTORY_WITHIN_MS = 15_000

/** Comes in by a new one-time link. */
export async function enter(system: System, page: Page, account: string, body: object = {}): Promise<void> {
  const { url } = await ask(system, 'POST', `/v1/accounts/${account}/dashboard-sessions`, body)
  await page.goto(url)
}

export async function historyIsComplete(system: System, account: string): Promise<void> {
  const { version } = await ask(system, 'GET', `/v1/accounts/${account}/balance`)
  const completeTo = async () => (await ask(system, 'GET', `/v1/accounts/${account}/entries?limit=1`)).complete_to
  await vi.waitFor(async () => expect(await completeTo()).toBeGreaterThanOrEqual(version), {
    timeout: HISTORY_WITHIN_MS,
    interval: 100,
  })
}

export async function review(
  system: System,
  account: string,
  id: string,
  reserve: object,
  settle: object | null,
): Promise<void> {
  const path = `/v1/accounts/${account}/reservations/${id}`
  await ask(system, 'PUT', path, reserve, system.runnerKey)
  if (settle !== null) await ask(system, 'POST', `${path}/settle`, settle, system.runnerKey)
}
