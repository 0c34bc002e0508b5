// Every page in every state it can have, light and dark, on a phone and on a desk: axe finds nothing,
// nothing sticks out of the window, and the console stays silent.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { AXE_RULES_OF_A_PART, launch, openPage, wrongWith } from './browser.js'
import { APPROVER, startHandrail } from './handrail.js'

let handrail, browser, pages, mails

before(async () => {
  ;[handrail, browser] = await Promise.all([startHandrail(), launch()])
  pages = await everyPage()
})

after(async () => {
  await browser?.close()
  await handrail?.stop()
})

const LONG = Array.from({ length: 40 }, (_, line) => `${line} ${'word '.repeat(20)}${'x'.repeat(200)}`).join('\n')

const TYPES = {
  choose: { label: `Which? ${'x'.repeat(150)}`, choices: ['Standard', 'Express', `Other ${'word '.repeat(30)}`] },
  text_input: {
    label: 'Two things',
    fields: [
      { name: 'why', label: 'Why?', required: true, placeholder: 'In a few words' },
      { name: 'more', label: 'Anything else' },
    ],
  },
  number_input: { label: 'How many?', min: 1, max: 20, placeholder: '5' },
  confirm: {},
  file_upload: { label: 'The contract', accept: ['application/pdf', '.csv'] },
  schedule: { label: 'When?' },
}

/** Addresses by name, with the status that each answers. A form is posted where there is one. */
async function everyPage() {
  const backup = 'bea@example.com'
  const agent = await handrail.agent({ name: 'Refund agent', backup_approver: backup })
  const callback_url = `${handrail.origin}/local/hooks/in/try`
  const plain = await handrail.ask({ amount: 80, urgency: 'critical', timeout_minutes: 600 })
  const long = await handrail.ask({ action: `Merge ${'x'.repeat(300)}`, context: LONG, timeout_minutes: 600 })
  const approved = await answered('approve', { callback_url, urgency: 'high' })
  const denied = await answered('deny', { callback_url: `${callback_url}?status=500` })
  const modified = await answered('modify', { urgency: 'low' })
  const moved = await handrail.ask({ action: 'Open the valve', timeout_minutes: 5 }, agent)
  const expired = await handrail.ask({ action: 'Sell the shares', timeout_minutes: 5 })
  await handrail.advance(5 * 60)
  const typed = {}
  for (const [type, members] of Object.entries(TYPES)) {
    typed[type] = await handrail.ask({ response_type: { type, ...members }, timeout_minutes: 600 })
  }
  const chosen = await handrail.ask({ response_type: { type: 'choose', ...TYPES.choose } })
  await send(chosen.page, { choice: 'approve', chosen: '1' })
  const texts = await handrail.ask({ response_type: { type: 'text_input', ...TYPES.text_input } })
  await send(texts.page, { choice: 'approve', 'text-0': LONG.slice(0, 900), 'text-1': '' })
  const later = await handrail.ask({ response_type: { type: 'schedule', ...TYPES.schedule } })
  const day = new Date(Date.now() + 2 * 86_400_000).toISOString().slice(0, 10)
  await send(later.page, { choice: 'approve', date: day, time: '09:30' })
  const back = await handrail.ask()
  await handrail.call('POST', `/decisions/${back.id}/cancel`, { reason: 'Not needed any more.' })
  const program = await handrail.ask()
  await handrail.call('POST', `/decisions/${program.id}/resolve`, { action: 'approve', response_data: { of: ['a', 1] } })
  const asked = await handrail.ask({ action: 'Pay the invoice', timeout_minutes: 600 }, agent)
  const all = await handrail.call('GET', '/local/mail')
  const toBackup = all.find((mail) => mail.to === backup)
  mails = [plain.mail, long.mail, toBackup, typed.choose.mail, typed.confirm.mail]
  return {
    'the first page': ['/', 200],
    'the mailbox': ['/local/mail', 200],
    'a mail': [`/local/mail/${plain.mail.id}`, 200],
    'a long mail': [`/local/mail/${long.mail.id}`, 200],
    'no such mail': ['/local/mail/msg_nothing', 404],
    'the webhooks': ['/local/hooks', 200],
    'the question': [plain.page, 200],
    'a long question': [long.page, 200],
    'the question with Approve picked': [`${plain.page}?a=approve`, 200],
    'the question with Deny picked': [`${plain.page}?a=deny`, 200],
    'the question with Modify picked': [`${plain.page}?a=modify`, 200],
    'the question to a key with a backup': [asked.page, 200],
    'the question to the backup': [toBackup.links[0], 200],
    'a refused answer': [plain.page, 422, { choice: 'modify', notes: '' }],
    'an approval': [approved.page, 200],
    'a denial': [denied.page, 200],
    'a modification': [modified.page, 200],
    'an answer that came second': [approved.page, 409, { choice: 'deny', notes: '' }],
    'an expired request': [expired.page, 410],
    'a request that moved on': [moved.page, 410],
    'a link that opens nothing': ['/d/nothing', 404],
    ...Object.fromEntries(
      Object.entries(typed).flatMap(([type, { page }]) => [
        [`the question with ${type}`, [page, 200]],
        [`the question with ${type}, sent empty`, [page, 422, { choice: type === 'confirm' ? 'modify' : 'approve' }]],
      ]),
    ),
    'a choice that was made': [chosen.page, 200],
    'texts that were given': [texts.page, 200],
    'an approval for later': [later.page, 200],
    'an answer of a program': [program.page, 200],
    'a request that was taken back': [back.page, 410],
  }
}

async function answered(choice, fields) {
  const asked = await handrail.ask(fields)
  await send(asked.page, { choice, notes: 'Two words,\nin two lines.' })
  return asked
}

function send(address, form) {
  return fetch(address, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })
}

/** Shows a page: what a form brings where there is one, even if the page has none any more. */
async function show(page, address, form) {
  if (!form) return page.goto(new URL(address, handrail.origin).href)
  const body = new URLSearchParams(form).toString()
  await page.route(address, (route) =>
    route.continue({ method: 'POST', postData: body, headers: { 'content-type': 'application/x-www-form-urlencoded' } }),
  )
  return page.goto(address)
}

test('every page is in order', async () => {
  const wrong = []
  for (const [name, [address, status, form]] of Object.entries(pages)) {
    const { page, troubles, close } = await openPage(browser, handrail.origin, { expected: [status], javaScriptEnabled: true })
    const response = await show(page, address, form)
    if (response.status() !== status) wrong.push(`${name}: status ${response.status()}`)
    wrong.push(...(await wrongWith(page, name)), ...troubles.map((what) => `${name}: ${what}`))
    await close()
  }
  assert.deepEqual(wrong, [])
})

test('every mail is in order', async () => {
  const { page, troubles, close } = await openPage(browser, handrail.origin, { javaScriptEnabled: true })
  const wrong = []
  for (const mail of mails) {
    await page.setContent(mail.html)
    wrong.push(...(await wrongWith(page, mail.subject, AXE_RULES_OF_A_PART)))
  }
  await close()
  assert.deepEqual([...wrong, ...troubles], [])
})

test('every state of a request was among them', async () => {
  const { decisions } = await handrail.call('GET', '/decisions?limit=50')
  const states = new Set(decisions.map((decision) => decision.status))
  assert.deepEqual([...states].sort(), ['approved', 'denied', 'escalated', 'expired', 'modified', 'pending', 'scheduled'])
  assert.ok(decisions.some((decision) => decision.resolved_by === APPROVER))
})
