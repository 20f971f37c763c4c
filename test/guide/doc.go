// Package guide holds the seed guide "Monetize my product using credits" as tests: its steps in its order, sales-led and
// self-serve, over the REST API of the real program on both databases. Each step is one line, so that a test can be read
// beside the guide. The test clock stands at instants of the year after the one in which the tests run; 03-02 14:30 is one
// of them. Every exchange must keep the contract.
package guide
