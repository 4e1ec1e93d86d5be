// Package compose brings Compose services up with the real binaries, a real docker
// and its real plugin, saves files into their containers, stops one in a debugger
// and takes them down again.
package compose
