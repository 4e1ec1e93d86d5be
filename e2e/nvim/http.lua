-- What the users of the application do: requests over HTTP, on the editor's
-- own event loop, since a breakpoint may keep one waiting.

local M = {}

-- get asks http://host:port/path and calls back with the body, or with nil.
function M.get(url, callback)
  local host, port, path = url:match("^http://([%d.]+):(%d+)(.*)$")
  if not host then error("not a URL of the loopback: " .. url) end
  local socket, answer, finished = vim.loop.new_tcp(), {}, false
  local finish = function(body)
    if finished then return end
    finished = true
    socket:close()
    callback(body)
  end
  socket:connect(host, tonumber(port), function(problem)
    if problem then return finish(nil) end
    socket:write("GET " .. (path == "" and "/" or path) .. " HTTP/1.0\r\nHost: " .. host .. "\r\n\r\n")
    socket:read_start(function(broken, data)
      if broken then return finish(nil) end
      if data then return table.insert(answer, data) end
      finish(table.concat(answer):match("^HTTP/1%.%d 200.-\r\n\r\n(.*)$"))
    end)
  end)
end

-- ask asks a URL again and again, one request at a time, and hands each body
-- to look, until look returns true or the returned function is called.
function M.ask(url, look)
  local stopped = false
  local function again()
    if stopped then return end
    M.get(url, function(body)
      if stopped or look(body) then return end
      vim.defer_fn(again, 5)
    end)
  end
  again()
  return function() stopped = true end
end

return M
