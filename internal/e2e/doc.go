// Package e2e runs the whole product in one test process: a real Redis, the
// server as `credence serve` runs it, the real Envoy with the bootstrap that
// people copy, and an upstream that tells what arrived.
//
// A test starts a stack, writes records as redis-cli would, and sends requests
// to Envoy. The parts are in the package parts; what Envoy really sends is
// recorded by the package record.
package e2e
