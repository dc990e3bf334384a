// A js-libp2p peer for tests. Its arguments: TRANSPORT SECURITY HOST [relay]. A line of JSON on stdin is a command, each answered
// by a line on stdout with the same id. The first line on stdout says who it is and where.
import { createHash, randomBytes } from 'node:crypto'
import { createInterface } from 'node:readline'
import { noise } from '@chainsafe/libp2p-noise'
import { quic } from '@chainsafe/libp2p-quic'
import { yamux } from '@chainsafe/libp2p-yamux'
import { circuitRelayServer, circuitRelayTransport } from '@libp2p/circuit-relay-v2'
import { identify } from '@libp2p/identify'
import { mdns } from '@libp2p/mdns'
import { ping } from '@libp2p/ping'
import { tcp } from '@libp2p/tcp'
import { tls } from '@libp2p/tls'
import { webSockets } from '@libp2p/websockets'
import { multiaddr } from '@multiformats/multiaddr'
import { createLibp2p } from 'libp2p'

const ECHO = '/test/echo/1'
const HOLD = '/test/hold/1'
const CHUNK = 32 * 1024
const STALLED = 500 // milliseconds without room until a writer counts as stopped

const [transport, security, host, role] = process.argv.slice(1)
const listen = { tcp: '/tcp/0', ws: '/tcp/0/ws', quic: '/udp/0/quic-v1' }[transport]
const found = new Map() // what mDNS heard: peer id -> addresses
const node = await createLibp2p({
  addresses: { listen: [`/ip4/${host}${listen}`] },
  transports: [{ tcp, ws: webSockets, quic }[transport](), circuitRelayTransport()],
  connectionEncrypters: [{ noise, tls }[security]()],
  streamMuxers: [yamux()],
  connectionGater: { denyDialMultiaddr: () => false },
  connectionManager: { reconnectRetries: 0, inboundConnectionThreshold: Infinity },
  services: { identify: identify(), ping: ping(), ...(role === 'relay' && { relay: circuitRelayServer() }) },
  peerDiscovery: host === '127.0.0.1' ? [] : [mdns({ interval: 1000 })]
})
node.addEventListener('peer:discovery', ({ detail }) => found.set(`${detail.id}`, detail.multiaddrs.map(String)))

// Hands every chunk that arrives to `take`, until the other end has ended its side; raises if the stream breaks.
async function receive (stream, take) {
  for await (const chunk of stream) await take(chunk.subarray())
  if (stream.status === 'reset' || stream.status === 'aborted') throw new Error(`the stream is ${stream.status}`)
}

async function send (stream, data) {
  for (let at = 0; at < data.length; at += CHUNK) {
    if (!stream.send(data.subarray(at, at + CHUNK))) await room(stream)
  }
}

// Waits until more may be written. (A stream's own `onDrain` waits only the first time.) Says whether it may in time.
function room (stream, milliseconds = 60_000) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds, false)
    stream.addEventListener('drain', () => { clearTimeout(timer); resolve(true) }, { once: true })
    stream.addEventListener('close', () => { clearTimeout(timer); resolve(true) }, { once: true })
  })
}

function digest (state) {
  return { size: state.size, sha256: state.hash.digest('hex') }
}

function counter () {
  const state = { size: 0, hash: createHash('sha256') }
  return [state, (data) => { state.size += data.length; state.hash.update(data) }]
}

await node.handle(ECHO, async (stream) => {
  await receive(stream, (data) => send(stream, data)).then(() => stream.close()).catch((error) => stream.abort(error))
}, { runOnLimitedConnection: true })

const held = [] // streams that we were opened and do not read
await node.handle(HOLD, (stream) => {
  stream.pause()
  held.push(stream)
})

const opened = [] // streams that we opened and have not finished
const open = (to, protocol) => node.dialProtocol(multiaddr(to), protocol, { runOnLimitedConnection: true })

const commands = {
  async ping ({ to }) {
    return { milliseconds: await node.services.ping.ping(multiaddr(to)) }
  },

  // Connect; what the other end says of itself, and how the connection is secured and multiplexed.
  async identify ({ to }) {
    const identified = new Promise((resolve) => node.addEventListener('peer:identify', resolve, { once: true }))
    await node.dial(multiaddr(to))
    const { peerId, protocols, agentVersion, listenAddrs, connection } = (await identified).detail
    const { encryption, multiplexer } = connection
    const addresses = listenAddrs.map(String)
    return { peer: `${peerId}`, protocols, agent: agentVersion, addresses, encryption, multiplexer }
  },

  // Send random bytes, end our side, and compare what comes back until the other end ends its side.
  async echo ({ to, size }) {
    const stream = await open(to, ECHO)
    const data = randomBytes(size)
    const [state, take] = counter()
    const received = receive(stream, take)
    await send(stream, data)
    await stream.close()
    await received
    const got = digest(state)
    return { ...got, same: got.sha256 === createHash('sha256').update(data).digest('hex') }
  },

  // Write until the other end lets no more through.
  async fill ({ to, limit }) {
    const stream = await open(to, HOLD)
    const hash = createHash('sha256')
    const chunk = randomBytes(CHUNK)
    let size = 0
    opened.push(stream)
    while (size < limit) {
      const more = stream.send(chunk)
      hash.update(chunk)
      size += chunk.length
      if (!more && !await room(stream, STALLED)) break
    }
    return { size, sha256: hash.digest('hex') }
  },

  // End our side of what `fill` wrote, once all of it has left.
  async finish () {
    await opened.pop().close()
    return {}
  },

  // Read what was held, to the end.
  async release () {
    const stream = held.shift()
    const [state, take] = counter()
    const received = receive(stream, take)
    stream.resume()
    await received
    await stream.close()
    return digest(state)
  },

  // How the streams are that were opened to us and are not read: `open`, `ended` by the other end, `reset` …
  held () {
    const ended = (stream) => stream.status === 'open' && stream.remoteWriteStatus === 'closed'
    return { status: held.map((stream) => ended(stream) ? 'ended' : stream.status) }
  },

  // Open a stream, have one echo, and reset it.
  async reset ({ to }) {
    const stream = await open(to, ECHO)
    await new Promise((resolve) => {
      stream.addEventListener('message', resolve, { once: true })
      stream.send(Buffer.from('?'))
    })
    stream.abort(new Error('on purpose'))
    return {}
  },

  // Leave all peers, and what was begun with them.
  async leave () {
    for (const connection of node.getConnections()) await connection.close()
    held.length = opened.length = 0
    return {}
  },

  // Have a place at a relay.
  async reserve ({ relay }) {
    await node.components.transportManager.listen([multiaddr(`${relay}/p2p-circuit`)])
    return { addresses: node.getMultiaddrs().map(String).filter((address) => address.includes('/p2p-circuit')) }
  },

  found () {
    return { peers: Object.fromEntries(found) }
  }
}

for await (const line of readyLines()) {
  const { id, do: name, ...options } = JSON.parse(line)
  Promise.resolve().then(() => commands[name](options)).then(
    (result) => answer({ id, result }),
    (error) => answer({ id, error: `${error.name}: ${error.message}` })
  )
}
await node.stop()

function readyLines () {
  answer({ peer: `${node.peerId}`, addresses: node.getMultiaddrs().map(String) })
  return createInterface({ input: process.stdin })
}

function answer (value) {
  process.stdout.write(JSON.stringify(value) + '\n')
}
