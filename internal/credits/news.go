package credits

import "sync"

// bell wakes those who wait for messages in this process. What another process writes they find by looking.
type bell struct {
	mu   sync.Mutex
	next chan struct{}
}

// wait returns what is closed at the next ring.
func (b *bell) wait() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next == nil {
		b.next = make(chan struct{})
	}
	return b.next
}

// ring wakes all who wait.
func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.next != nil {
		close(b.next)
		b.next = nil
	}
}

// Told wakes those who wait for messages. It is called after a transaction that added messages or deliveries has committed.
func (s *Service) Told() { s.bell.ring() }

// news is closed after the next commit of messages or deliveries in this process.
func (s *Service) news() <-chan struct{} { return s.bell.wait() }
