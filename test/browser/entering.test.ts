import { expect, test } from 'vitest'
import { ask, newCustomer, picture, stage } from './browser.ts'
import { checkPage, people } from './seen.ts'
import { enter } from './visit.ts'

const { system } = stage()
const { page: newPage } = people()

test('a link lets its customer in, once, and logging out ends it, on every page and behind the back button', async () => {
  const { path } = await newCustomer(system(), 'entering')
  await ask(system(), 'PUT', `${path}/grants/g1`, { kind: 'promotional', credits: 1_234.5, reason: 'a test' })
  const { url } = await ask(system(), 'POST', `${path}/dashboard-sessions`, {})
  const page = await newPage()
  await page.goto(url)
  expect(new URL(page.url()).pathname).toBe('/dashboard')
  await page.getByText('1,234.5').first().waitFor()
  const [cookie] = await page.context().cookies()
  expect(cookie).toMatchObject({ name: '__Host-assay', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' })
  expect(await page.evaluate('document.cookie')).toBe('')
  const another = await newPage()
  expect((await another.goto(url))?.status()).toBe(401)
  await picture(another, 'come-in-again')
  await page.goto(`${system().url}/settings`)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.waitForURL('**/pricing')
  expect(await page.context().cookies()).toEqual([])
  await page.goBack()
  await page.getByRole('heading', { name: 'Please come in again' }).waitFor()
  expect((await page.goto(`${system().url}/dashboard`))?.status()).toBe(401)
})

test('logging out leads back to where the operator said', async () => {
  await newCustomer(system(), 'returning')
  const page = await newPage()
  const home = `${system().stripeUrl}/back-at-the-operators`
  await enter(system(), page, 'returning', { return_url: home })
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.waitForURL(home)
})

test('a link to another account is not followed unasked', async () => {
  await newCustomer(system(), 'at-home')
  await newCustomer(system(), 'elsewhere')
  const page = await newPage()
  await enter(system(), page, 'at-home')
  await enter(system(), page, 'elsewhere')
  await page.getByRole('heading', { name: 'Another account' }).waitFor()
  await picture(page, 'another-account')
  await page.getByRole('link', { name: 'Stay in at-home' }).click()
  await page.waitForURL('**/dashboard')
  await enter(system(), page, 'elsewhere')
  await page.getByRole('button', { name: 'Go on to elsewhere' }).click()
  await page.waitForURL('**/dashboard')
  await page.goto(`${system().url}/settings`)
  await page.getByText('elsewhere').first().waitFor()
})

test('prices are there for everybody, and read well on any screen', async () => {
  const page = await newPage({ javaScriptEnabled: false })
  await page.goto(`${system().url}/pricing`)
  await page.getByText('$0.0095 per credit').waitFor()
  await picture(page, 'pricing')
  await checkPage(page, '/pricing')
  expect(await page.getByRole('link', { name: 'To the dashboard' }).getAttribute('href')).toBe('/dashboard')
})
