package parts

import (
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports for programs that cannot let the kernel choose are taken from below the range that Linux gives to outgoing
// connections (32768 on), so that none of those takes one between the look and the use, or while a server is stopped.
const firstPort, lastPort = 20000, 32000

// freePort returns a loopback port that nobody listened on a moment ago. Whoever uses it must be ready to find it taken.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := firstPort + rand.N(lastPort-firstPort)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			return port, listener.Close()
		}
		last = err
	}
	return 0, fmt.Errorf("parts: no free port: %w", last)
}
