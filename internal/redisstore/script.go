package redisstore

import (
	"context"
	_ "embed" // the scripts

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed commit.lua
	commitSource string
	//go:embed init.lua
	initSource string
	//go:embed rights.lua
	rightsSource string
)

// allowOOM begins a script that Redis 7 runs at maxmemory too. A script without
// such a line is refused there at its first write, that is, before it has
// changed anything; later ones pass, so that it is never cut in half.
const allowOOM = "#!lua flags=allow-oom\n"

// A script is Lua source that runs on a server. It is sent once and then named
// by its hash. Immutable, and safe for concurrent use.
type script struct {
	plain    *redis.Script
	whenFull *redis.Script
}

func newScript(source string) script {
	return script{plain: redis.NewScript(source), whenFull: redis.NewScript(allowOOM + source)}
}

// run runs the script; where there is no room left only if it restricts.
func (s script) run(ctx context.Context, client redis.Scripter, restricts bool, keys []string, args []any) *redis.Cmd {
	if restricts {
		answer := s.whenFull.Run(ctx, client, keys, args...)
		// Servers that do not know the first line (the embedded one of credence
		// dev) cannot compile it, so nothing ran. They have no maxmemory either.
		if !redis.HasErrorPrefix(answer.Err(), "Error compiling script") {
			return answer
		}
	}
	return s.plain.Run(ctx, client, keys, args...)
}
