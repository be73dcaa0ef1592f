/** Keys made in a browser, and prices for everybody. */
import { expect, test } from 'vitest'
import { newAccount } from './api.ts'
import { Visitor, visitorOf } from './visitor.ts'

function newForm() {
  return { name: 'ci', scope: 'read', until: '', once: crypto.randomUUID() }
}

test('a key made in the settings is shown once, works at once, and is refused once it is revoked', async () => {
  const account = await newAccount(10)
  const visitor = await visitorOf(account)
  const form = newForm()
  const minted = await visitor.ask('/settings/keys', { form })
  const key = /assay_read_[\w.-]+/.exec(minted.text)?.[0] ?? ''
  expect(minted.headers.get('Cache-Control')).toBe('no-store')
  expect((await account.get('/balance', { key })).status).toBe(200)
  const again = await visitor.ask('/settings/keys', { form })
  expect(again.text).toContain('was made already')
  const list = (await visitor.ask('/settings')).text
  for (const text of [again.text, list]) expect(text).not.toContain(key.split('.').at(-1))
  const { data } = (await account.get('/keys')).body
  expect(data).toMatchObject([{ name: 'ci', scope: 'read', expires_at: null }])
  expect(await visitor.status(`/settings/keys/${data[0].id}/revoke`, { form: {} })).toBe(303)
  expect((await account.get('/balance', { key })).status).toBe(401)
  expect(await visitor.status('/settings/keys/unknown/revoke', { form: {} })).toBe(404)
})

test('nobody revokes the key of another account', async () => {
  const [mine, theirs] = [await newAccount(), await newAccount()]
  const { id, key } = (await theirs.post('/keys', { scope: 'read' })).body
  expect(await (await visitorOf(mine)).status(`/settings/keys/${id}/revoke`, { form: {} })).toBe(404)
  expect((await theirs.get('/balance', { key })).status).toBe(200)
})

test('a form that is not valid says so on the page, and makes no key', async () => {
  const account = await newAccount(10)
  const visitor = await visitorOf(account)
  const days = [{ until: '2020-01-01' }, { until: '9999-12-31' }, { until: 'soon' }]
  for (const change of [...days, { scope: 'operator' }, { once: 'x' }, { name: 'x'.repeat(101) }]) {
    const { status, text } = await visitor.ask('/settings/keys', { form: { ...newForm(), ...change } })
    expect([change, status]).toEqual([change, 422])
    expect(text).toContain('role="alert"')
  }
  expect((await account.get('/keys')).body.data).toEqual([])
})

test('many keys are listed by pages', async () => {
  const account = await newAccount()
  for (let count = 0; count < 25; count += 1) await account.post('/keys', { scope: 'read', name: `key ${count}` })
  const visitor = await visitorOf(account)
  const names: string[] = []
  let path: string | undefined = '/settings'
  while (path !== undefined) {
    const { text } = await visitor.ask(path)
    names.push(...(text.match(/<strong>key \d+/g) ?? []))
    path = /rel="next" href="([^"]+)"/.exec(text)?.[1]
  }
  expect([names.length, new Set(names).size]).toEqual([25, 25])
})

test('prices are public and the same for everybody', async () => {
  const [mine, nobody] = [await visitorOf(await newAccount(10)), new Visitor()]
  const { text } = await nobody.ask('/pricing')
  expect((await mine.ask('/pricing')).text).toBe(text)
  for (const words of ['$19.00', '$0.0095', '5% off', 'Deep Analysis', '100 to 400', '5 to 15 minutes'])
    expect(text).toContain(words)
})

const OWN_KEY = `sk-ant-api03-${'Ab3_-'.repeat(18)}wxyz`

test('an own key is put and removed by forms, and never comes back, not even in a form that was not valid', async () => {
  const account = await newAccount(10)
  const visitor = await visitorOf(account)
  const wrong = await visitor.ask('/settings/byok', { form: { api_key: `${OWN_KEY}?` } })
  expect([wrong.status, wrong.text.includes(OWN_KEY)]).toEqual([422, false])
  expect(wrong.text).toContain('role="alert"')
  const put = await visitor.ask('/settings/byok', { form: { api_key: ` ${OWN_KEY}\n` } })
  expect([put.status, put.location]).toEqual([303, '/settings#own-key'])
  const { text } = await visitor.ask('/settings')
  expect([text.includes('sk-ant-…wxyz'), text.includes(OWN_KEY.slice(10))]).toEqual([true, false])
  expect((await account.get('/byok')).body).toMatchObject({ enabled: true, preview: 'sk-ant-…wxyz' })
  expect(await visitor.status('/settings/byok/remove', { form: {} })).toBe(303)
  expect((await account.get('/byok')).body.enabled).toBe(false)
})

test('no other site puts or removes an own key, nor anybody without a session', async () => {
  const account = await newAccount(10)
  const visitor = await visitorOf(account)
  await account.putByok(OWN_KEY)
  const forms = { '/settings/byok': { api_key: `${OWN_KEY}2` }, '/settings/byok/remove': {} }
  for (const [path, form] of Object.entries(forms)) {
    expect(await visitor.status(path, { form, headers: { Origin: 'https://evil.test' } })).toBe(403)
    expect(await new Visitor().status(path, { form })).toBe(401)
  }
  expect((await account.get('/byok')).body).toMatchObject({ enabled: true, preview: 'sk-ant-…wxyz' })
})
