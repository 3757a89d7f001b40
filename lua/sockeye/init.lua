return require "sockeye.core"
