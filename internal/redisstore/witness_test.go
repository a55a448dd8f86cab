package redisstore

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"testing"

	"github.com/redis/go-redis/v9"

	"credence/internal/credential"
	"credence/internal/e2e/parts"
	"credence/internal/registry"
)

// TestReadThroughIsNeverBehind has records read while they are written, each
// with the number of its change: that of the entry through which was read is
// never the smaller one. They stand behind so many others that Redis does not
// take all questions at once, and does other work between.
func TestReadThroughIsNeverBehind(t *testing.T) {
	server := parts.Redis(t)
	store, raw := openRegistry(t, server.URL()), rawClient(t, server.URL())
	ids := []registry.ClientID{"acme", "globex"}
	const changes, readers, others = 1500, 3, 1500
	var refs []registry.Ref
	for i := range others {
		refs = append(refs, registry.ClientRef(registry.ClientID(fmt.Sprintf("another-client-%d", i))))
	}
	for _, id := range ids {
		mustCommit(t, store, testCommit("0", registry.Edit{Now: testClient(id)}))
		refs = append(refs, registry.ClientRef(id))
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for range readers {
		group.Go(func() {
			for reads := 1; ; reads++ {
				select {
				case <-done:
					t.Logf("%d reads", reads)
					return
				default:
				}
				entries, through, err := store.ReadThrough(t.Context(), refs...)
				if err != nil {
					t.Errorf("ReadThrough: %v", err)
					return
				}
				told, err := raw.XRange(t.Context(), "{credence}:changes", through, through).Result()
				if err != nil || len(told) != 1 {
					t.Errorf("the entry %q: %v, error %v", through, told, err)
					return
				}
				text, _ := told[0].Values["op"].(string)
				number, _ := strconv.Atoi(text)
				for _, entry := range entries[others:] {
					if read, _ := strconv.Atoi(entry.Fields["x_change"]); read > number {
						t.Errorf("read change %d, through change %d", read, number)
						return
					}
				}
			}
		})
	}
	for i := 1; i <= changes; i++ {
		ref, number := refs[others+i%len(ids)], strconv.Itoa(i)
		var err error
		if i%10 == 0 { // a commit of ours; it leaves the number that stands there
			was := entryOf(t, store, ref)
			renamed := *was.Record.(*registry.Client)
			renamed.Name = number
			_, err = store.Commit(t.Context(), testCommit(number, registry.Edit{Was: was, Now: &renamed}))
		} else { // another program's
			_, err = raw.TxPipelined(t.Context(), func(pipe redis.Pipeliner) error {
				pipe.XAdd(t.Context(), &redis.XAddArgs{Stream: "{credence}:changes", Values: []string{"keys", ref.Key(), "op", number}})
				pipe.HSet(t.Context(), "{credence}:"+ref.Key(), "x_change", number)
				return nil
			})
		}
		if err != nil {
			t.Errorf("change %d: %v", i, err)
			break
		}
	}
	close(done)
	group.Wait()
}

func TestReadThroughAnotherType(t *testing.T) {
	server := parts.Redis(t)
	store := openRegistry(t, server.URL())
	server.CLI("SET", "{credence}:changes", "x")
	entries, through, err := store.ReadThrough(t.Context(), registry.RootRef)
	var found *registry.FieldError
	if !errors.As(err, &found) || found.Key != "changes" || entries != nil || through != "" {
		t.Errorf("ReadThrough: got %v, %q, error %v, want that changes is of another type", entries, through, err)
	}
}

// After a restart of Redis every idle connection is closed. Nobody notices.
func TestReadThroughAfterARestart(t *testing.T) {
	server := parts.Redis(t)
	store := open(t, Options{URL: credential.NewSecret(server.URL())})
	if _, _, err := store.ReadThrough(t.Context(), someRefs...); err != nil {
		t.Fatal(err)
	}
	server.Stop()
	server.Restart()
	if _, through, err := store.ReadThrough(t.Context(), someRefs...); err != nil || through != "" {
		t.Errorf("ReadThrough: got %q, error %v, want that there is none", through, err)
	}
}
