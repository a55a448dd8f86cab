// Package parts gives a test the real programs that credence works between, each in one line:
//
//	redis := parts.Redis(t)                       // a redis-server on a free loopback port, without persistence
//	wire := parts.Wire(t, redis.Addr())           // a way there that can be slow, cut, or gone
//	api := parts.Upstream(t)                      // an API that tells what reached it
//	limits := parts.RateLimit(t)                  // a rate limit service that tells what it was asked
//	proxy := parts.Envoy(t, envoy.Addresses{      // the pinned Envoy with the bootstrap that people copy
//		Credence: server.Addr(), Upstream: api.Addr(),
//	}, envoy.Route("/orders", map[string]string{"api": "orders"}))
//
// Each listens on loopback, is up when the call returns, and is ended, by its process id, when the test is. When a test
// failed, what the program printed is in the test's log. A program that is not there fails the test with the command
// that gets it: a test that is skipped proves nothing.
//
// Of credence itself this package knows package envoy alone, so that any test may use it.
package parts
