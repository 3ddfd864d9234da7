/** The cyclic redundancy check CRC-32 (PNG specification, annex D). @param {Iterable<number>} bytes @returns {number} 32 bits */
export function crc32(bytes) {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
