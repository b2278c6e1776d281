// Solves the challenge that a list asks for before a fan joins, or the service before it sends a link to sign in. What
// it is, and what it stops: docs/bots.md. A page runs this as a worker; the widget, on a page of another origin where
// no worker of ours may run, imports it and works a little at a time.

// SHA-256 (FIPS 180-4), of texts that fit one block. WebCrypto's is made for long texts: it takes longer to be asked.
const K = new Int32Array([
  0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
  0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
  0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
  0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
  0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
  0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
  0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
  0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
]);
const H = new Int32Array([0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19]);
const LONGEST = 55;
const [ZERO, NINE] = [0x30, 0x39];
const SLICE_MILLISECONDS = 12;
const w = new Int32Array(64);

/** How many zero bits the hash of a block begins with, up to 32: sixteen words, which are the block, stand in `w`. */
function zeroBits() {
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15];
    const y = w[i - 2];
    const s = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const t = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = (w[i - 16] + s + w[i - 7] + t) | 0;
  }
  let a = H[0], b = H[1], c = H[2], d = H[3], e = H[4], f = H[5], g = H[6], h = H[7];
  for (let i = 0; i < 64; i++) {
    const s = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const t = (h + s + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
    const u = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const v = (u + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g; g = f; f = e; e = (d + t) | 0;
    d = c; c = b; b = a; a = (t + v) | 0;
  }
  return Math.clz32((a + H[0]) | 0);
}

/** The first whole number for which the hash of `text` and the number begins with so many zero bits. */
async function find(text, bits, rest) {
  const block = new Uint8Array(64);
  new TextEncoder().encodeInto(text, block);
  const bytes = new DataView(block.buffer);
  const first = text.length >> 2;
  const words = new Int32Array(16);
  for (let i = 0; i < first; i++) words[i] = bytes.getInt32(4 * i);
  for (let number = 0, last = text.length; ; number++) {
    // The digits of the number, counted up where they stand.
    let digit = last;
    while (digit > text.length && block[digit - 1] === NINE) block[--digit] = ZERO;
    if (number === 0) block[last++] = ZERO;
    else if (digit > text.length) block[digit - 1] += 1;
    else {
      block[text.length] = ZERO + 1;
      block[last++] = ZERO;
    }
    if (last > LONGEST) throw new RangeError("the challenge is too long");
    block[last] = 0x80;
    for (let i = first; i <= last >> 2; i++) words[i] = bytes.getInt32(4 * i);
    words[15] = 8 * last;
    w.set(words);
    if (zeroBits() >= bits) return number;
    if (number % 512 === 511 && rest.isDue()) await rest.taken();
  }
}

/** Lets the page do something else, whenever it had to wait for so long. */
function rests() {
  let until = performance.now() + SLICE_MILLISECONDS;
  const { port1, port2 } = new MessageChannel();
  return {
    isDue: () => performance.now() > until,
    taken: () => new Promise(go => {
      port1.onmessage = () => { until = performance.now() + SLICE_MILLISECONDS; go(); };
      port2.postMessage(null);
    }),
    end: () => port1.close(),
  };
}

/** The numbers that solve a challenge, as the service sends one. */
export async function solve({ token, puzzles, bits }) {
  const rest = rests();
  const numbers = [];
  try {
    while (numbers.length < puzzles) numbers.push(await find(`${token}.${numbers.length}.`, bits, rest));
  } finally {
    rest.end();
  }
  return numbers;
}

if (globalThis.DedicatedWorkerGlobalScope) {
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await solve(data));
}
