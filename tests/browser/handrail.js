// A whole Handrail for one test file: the built program on a port and a data folder of its own,
// and the few calls that an agent makes to it.
import { execFileSync, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const APPROVER = 'ann@example.com'

/** The program as it is built now. Cargo makes it if it is not; `HANDRAIL_BIN` names another one. */
function program() {
  if (process.env.HANDRAIL_BIN) return process.env.HANDRAIL_BIN
  execFileSync('cargo', ['build', '--quiet', '--locked', '--bins'], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
  return join(ROOT, 'target/debug/handrail')
}

/** Starts Handrail. The caller stops it. */
export async function startHandrail() {
  const data = await mkdtemp(join(tmpdir(), 'handrail-browser-'))
  const child = spawn(program(), ['--port', '0', '--data', data], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, HANDRAIL_KEY: undefined, RUST_LOG: 'warn' },
  })
  let log = ''
  child.stderr.on('data', (chunk) => (log += chunk))
  const ended = new Promise((resolve) => child.once('exit', resolve))
  const { origin, key } = await Promise.race([
    ended.then((code) => Promise.reject(new Error(`handrail ended with ${code}:\n${log}`))),
    greeting(child.stdout),
  ])
  return new Handrail(origin, key, async () => {
    child.kill('SIGINT')
    await ended
    await rm(data, { recursive: true, force: true })
    return log
  })
}

/** What it prints once it answers: its address and its key. */
async function greeting(output) {
  const found = {}
  for await (const line of createInterface({ input: output })) {
    found.origin ??= line.match(/^Handrail runs at (\S+)/)?.[1]
    found.key ??= line.match(/^Admin key +(\S+)/)?.[1]
    if (found.origin && found.key) {
      output.resume()
      return found
    }
  }
  throw new Error('handrail said nothing of its address and its key')
}

class Handrail {
  constructor(origin, key, stop) {
    this.origin = origin
    this.key = key
    this.stop = stop
  }

  async call(method, path, body, key = this.key) {
    const response = await fetch(new URL(path, this.origin), {
      method,
      headers: { authorization: `Bearer ${key}`, accept: 'application/json', 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const json = await response.json()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(json)}`)
    return json
  }

  /** A key that asks, under the name that the approver sees. */
  async agent(options) {
    return (await this.call('POST', '/auth/api-keys', { role: 'agent', approvers: ['*'], ...options })).key
  }

  /** Asks, and gives the decision's id, its mail and the address of its page. */
  async ask(fields = {}, key = this.key) {
    const body = { action: 'Refund order 1234 (80 EUR)', context: 'Wrong size, twice.', approver: APPROVER, ...fields }
    const { id } = await this.call('POST', '/decisions', body, key)
    const mail = await this.mailOf(id)
    return { id, mail, page: mail.links[0] }
  }

  /** Hands a packet over that asks a person, and gives its id, its mail and the address of its page. */
  async handOver(hitl = {}, fields = {}) {
    const packet = {
      metadata: { source_agent: { id: 'a', name: 'Sales' }, target_agent: { id: 'b', name: 'Billing' } },
      context: { summary: 'The customer returned both items.' },
      hitl: { reason: 'Above the limit', question: 'Refund order 1234?', approver: APPROVER, ...hitl },
      ...fields,
    }
    const { id } = await this.packets('POST', '', packet)
    const mail = await this.mailOf(id)
    return { id, mail, page: mail.links[0] }
  }

  async packets(method, path, body) {
    const response = await fetch(new URL(`/api/v1/packets${path}`, this.origin), {
      method,
      headers: { 'x-api-key': this.key, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`)
    return text && JSON.parse(text)
  }

  /** The newest mail about a decision or a packet. */
  async mailOf(id) {
    await this.settle()
    const name = id.replaceAll('-', '')
    const mails = (await this.call('GET', '/local/mail')).filter((mail) => mail.id.includes(name))
    if (mails.length === 0) throw new Error(`no mail about ${id}`)
    return mails[0]
  }

  decision(id) {
    return this.call('GET', `/decisions/${id}`)
  }

  /** Answers once everything that is due is done. */
  settle() {
    return this.advance(0)
  }

  /** Moves the clock ahead, doing on the way everything at its time. */
  advance(seconds) {
    return this.call('POST', '/local/clock', { advance_seconds: seconds })
  }
}
