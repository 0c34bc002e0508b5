// The holder of an account with a browser: from the sign-in by mail to a key that works and one that does not any more.
// axe looks at every page on the way.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { wrongWith } from './browser.js'
import { button, expectHeading, handrail, visit } from './stage.js'

/** Of the account that a Handrail on a laptop has from its start. */
const HOLDER = 'you@example.com'
const HOSTILE = '<img src=x onerror=alert(1)> "Nightly" & \u202Egnp.exe'

/** Opens a page, and fails when anything went wrong on it by the end, or axe found something on the way. */
async function look(options, act) {
  const wrong = []
  await visit({ javaScriptEnabled: true, ...options }, async (page) => {
    await act(page, async (heading) => {
      await expectHeading(page, heading)
      wrong.push(...(await wrongWith(page, heading)))
    })
    assert.deepEqual(wrong, [])
  })
}

async function askForLink(page, shows, email) {
  await page.goto(`${handrail.origin}/account`)
  await shows('Sign in')
  await page.getByLabel('Your email address').fill(email)
  await button(page, 'Send me a link').click()
  await shows('Look into your mailbox')
  await handrail.settle()
  const mails = await handrail.call('GET', '/local/mail')
  return mails.find((mail) => mail.to === email)
}

async function signIn(page, shows) {
  const mail = await askForLink(page, shows, HOLDER)
  const [link] = mail.links
  await page.goto(link)
  await shows('Sign in')
  await button(page, 'Sign in').click()
  await shows('Your account')
  return link
}

const opens = async (key) => (await fetch(`${handrail.origin}/auth/me`, { headers: { authorization: `Bearer ${key}` } })).status

test('a key is made and taken back', async () => {
  await look({ expected: [401] }, async (page, shows) => {
    await signIn(page, shows)
    await page.getByLabel('Name', { exact: true }).fill(HOSTILE)
    await page.getByLabel('app: may answer too').check()
    await button(page, 'Make the key').click()
    await shows('Your new key')
    const key = (await page.getByRole('region', { name: 'The new key' }).innerText()).trim()
    assert.equal(await opens(key), 200)
    assert.equal(await page.locator('img').count(), 0)

    await page.getByRole('link', { name: 'To your account' }).click()
    await shows('Your account')
    assert.ok(!(await page.content()).includes(key), 'a key is shown once')
    const row = page.getByRole('listitem').filter({ hasText: 'Nightly' })
    assert.match(await row.innerText(), /app/)
    assert.ok(!(await row.innerText()).includes('\u202E'), 'no text turns its neighbours around')
    await row.getByRole('button', { name: 'Revoke' }).click()
    await shows('Your account')
    assert.match(await page.getByRole('listitem').filter({ hasText: 'Nightly' }).innerText(), /revoked/)
    await handrail.advance(6)
    assert.equal(await opens(key), 401)
  })
})

test('a link signs in once, and signing out ends it', async () => {
  await look({ expected: [401, 410] }, async (page, shows) => {
    const link = await signIn(page, shows)
    await page.reload()
    await shows('Your account')
    await button(page, 'Sign out').click()
    await shows('Sign in')
    await page.goto(`${handrail.origin}/account`)
    await shows('Sign in')
    await page.goto(link)
    await shows('This link is over')
  })
})

test('whoever has no account learns nothing', async () => {
  await look({ expected: [401, 404] }, async (page, shows) => {
    const mail = await askForLink(page, shows, 'stranger@example.com')
    assert.equal(mail, undefined)
    await page.goto(`${handrail.origin}/auth/login/nothing`)
    await shows('This link does not work')
  })
})
