// Package years lets customers live through years of simulated time with a real service on a real database, and compares
// what was posted, row by row, with a naive model that goes through the calendar day by day and shares no code with the
// program. It also freezes a node in the middle of due work, to show that another one does it, once.
package years
