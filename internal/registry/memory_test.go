package registry_test

import (
	"testing"
	"time"

	"credence/internal/registry"
	"credence/internal/registry/registrytest"
)

func TestMemory(t *testing.T) {
	registrytest.Run(t, func(_ *testing.T, clock func() time.Time) registrytest.Fixture {
		memory := registry.NewMemory(clock)
		return registrytest.Fixture{
			Store: memory, Feed: memory.Feed,
			Put: memory.Put, PutMember: memory.PutMember, PutName: memory.PutName, PutOtherType: memory.PutOtherType,
			PutRevoked: func(forget int64, members ...string) {
				for _, member := range members {
					memory.PutRevoked(member, forget)
				}
			},
			Remove: memory.Remove, Expire: memory.Expire, Tell: memory.Tell, Forget: memory.Forget,
		}
	})
}
