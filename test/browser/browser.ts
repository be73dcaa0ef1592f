/** The whole system as `npm start` runs it, an account with a customer's key, and pictures of what a browser shows. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { freePort, type System, startSystem } from '../../dev/system.ts'

/** Kept, so that they can be looked at. */
const SCREENSHOTS = fileURLToPath(new URL('../../.state/screenshots', import.meta.url))
/** The runner's and the phone's width, in light and dark: what a picture is taken in. */
const LOOKS = [
  { name: 'wide-light', width: 1280, colorScheme: 'light' },
  { name: 'narrow-dark', width: 375, colorScheme: 'dark' },
] as const

// biome-ignore lint/suspicious/noExplicitAny: answers of many shapes; the contract is held elsewhere.
type Json = any

export interface Stage {
  readonly system: () => System
}

/** Starts everything once for a test file. */
export function stage(): Stage {
  let folder: string
  let system: System
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'assay-browser-'))
    await mkdir(SCREENSHOTS, { recursive: true })
    const options = { port: await freePort(), stateDir: join(folder, 'state'), varsFile: join(folder, 'vars') }
    system = await startSystem(options)
  })
  afterAll(async () => {
    await system?.stop()
    await rm(folder, { recursive: true, force: true })
  })
  return { system: () => system }
}

export async function ask(system: System, method: string, path: string, body?: object, key?: string): Promise<Json> {
  const response = await fetch(system.url + path, {
    method,
    headers: { Authorization: `Bearer ${key ?? system.operatorKey}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const answer = await response.json()
  if (!response.ok) throw new Error(`${method} ${path}: ${JSON.stringify(answer)}`)
  return answer
}

/** A customer with no credits, and the key with which they act. */
export async function newCustomer(system: System, account: string): Promise<{ path: string; key: string }> {
  const path = `/v1/accounts/${account}`
  await ask(system, 'PUT', path, { name: account, trial: null })
  const { key } = await ask(system, 'POST', `${path}/keys`, { scope: 'billing' })
  return { path, key }
}

/** The page as people see it, in a file of this name for each look. */
export async function picture(page: Page, name: string): Promise<void> {
  for (const look of LOOKS) {
    await page.setViewportSize({ width: look.width, height: 800 })
    await page.emulateMedia({ colorScheme: look.colorScheme })
    await page.screenshot({ path: join(SCREENSHOTS, `${name}-${look.name}.png`), fullPage: true })
    const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
    expect(overflow, `${name} is wider than a screen of ${look.width}`).toBeLessThanOrEqual(0)
  }
}

/** Chooses a test card on Checkout's page and pays. */
export async function payWith(page: Page, card: string): Promise<void> {
  await page.locator(`input[value="${card}"]`).check()
  await page.getByRole('button', { name: 'Pay' }).click()
}
