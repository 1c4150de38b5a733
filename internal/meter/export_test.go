package meter

// KeepMost is keepMost, for tests.
const KeepMost = keepMost
