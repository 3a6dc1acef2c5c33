// schema.mjs - the JSON Schema validator the wire tests use.
// SPDX-License-Identifier: Apache-2.0
export { default as formats } from 'ajv-formats';
export { Ajv } from 'ajv';
export { Ajv2020 } from 'ajv/dist/2020.js';
