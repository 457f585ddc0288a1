---@meta
--- The tables that callers pass and get, for editors; never loaded. Times are seconds, or ISO 8601
--- in UTC where the service sends them. An answer keeps the fields that the service adds later.

---JSON null, for requests. `cjson.null` is the same value. A null in an answer is an absent field.
---@class pomex.Null: userdata

---`pomex.VIRTUAL`: the account's default Virtual group.
---@class pomex.Virtual

---@class pomex.Options
---@field api_key? string default: the first line of api_key_file, then $POMEX_API_KEY (which nginx
---  shows to its master process only, so make the client in init_by_lua)
---@field api_key_file? string a file whose first line is the key
---@field base_url? string default: $POMEX_BASE_URL, then https://api.pomex.ai; a path is kept
---@field host? pomex.HostName|pomex.Host who waits; "auto" asks at each wait where it runs: it
---  yields to nginx, cqueues or luv, yields in a coroutine task, blocks in a script, and raises in
---  a coroutine that neither pomex nor the loop started. "copas" must be named
---@field connect_timeout? number seconds to connect; 10
---@field request_timeout? number seconds for one attempt; 30. The create of a generation waits for
---  its answer until its timeout, or the budget, is over
---@field budget? number seconds for all attempts of a call and the pauses between them; 120
---@field max_retries? integer attempts after the first, 0 to 100; 2
---@field max_in_flight? integer calls at once, 1 to 10,000; 64
---@field max_downloads? integer downloads at once, 1 to 1,000; 4
---@field rate_limits? false|pomex.RateLimits false: no limits
---@field rate_share? number the share of the limits that this client takes, above 0 and up to 1,
---  where several machines divide them; 1
---@field poll? { asset?: pomex.Schedule, generation?: pomex.TaskSchedule } when a wait looks
---@field billed_retry? "refused"|"unsent" when a generation is sent again: "refused", the default,
---  also after a 429 or 503; "unsent" only if it never left this machine
---@field user_agent? string
---@field headers? table<string, string> more headers of each request to the service. Those that
---  pomex sets are refused, and no other host is sent them
---@field proxy? string default: the environment's; "": none. Never used for http
---@field ca_file? string PEM; without both: $CURL_CA_BUNDLE, else $SSL_CERT_FILE and $SSL_CERT_DIR
---@field ca_path? string a hashed folder of certificates
---@field client_cert? string PEM file of the certificate that base_url's host is shown, and nobody
---  else; with those that lead to its issuer behind it
---@field client_key? string PEM file of its private key; default: in the same file
---@field client_key_password? string where the key is encrypted
---@field allow_http? boolean true: http also to hosts that are no literal loopback address
---@field nudges? pomex.Nudges nginx: `pomex.notices.shared_dict(ngx.shared.NAME)`, by which
---  `generations:nudge` reaches the waits of every worker
---@field spend? pomex.SpendOptions what this client may spend on videos
---@field on_event? fun(event: pomex.Event) for logs and metrics; called by a step, must not wait

---The options of `client:with`; what is not given is as the client has it.
---@class pomex.WithOptions
---@field request_timeout? number seconds for one attempt
---@field budget? number seconds for all attempts of a call and the pauses between them
---@field max_retries? integer attempts after the first, 0 to 100
---@field headers? table<string, string> beside those of the client, of which they replace the
---  ones of the same names
---@field poll? { asset?: pomex.Schedule, generation?: pomex.Schedule } when a wait looks
---@field billed_retry? "refused"|"unsent" when a generation is sent again
---@field spend? pomex.SpendOptions a count of its own; that of the client holds, too

---@class pomex.SpendOptions
---@field videos? integer so many at most
---@field cost? number so much at most, in the currency of `price`, which it needs
---@field price? number|table<string, number> of a million tokens; or one for each model

---Requests in any 1.05 seconds, 0 or more; a fraction counts as the whole number below it (1 at the
---least). false: no limit.
---@class pomex.RateLimits
---@field sessions? number|false 3
---@field asset_list? number|false 10
---@field asset_get? number|false 100
---@field asset_create? number|false false
---@field generation_create? number|false false
---@field generation_get? number|false false
---@field generation_list? number|false false
---@field generation_cancel? number|false false

---@alias pomex.HostName "auto"|"blocking"|"coroutine"|"cqueues"|"luv"|"copas"|"openresty"

---Who waits. lua/pomex/host/init.lua says what each function must do.
---@class pomex.Host
---@field name? string
---@field wait fun(client: pomex.Client, ready: pomex.Ready, timeout?: number)
---@field spawn fun(task: pomex.Task, f: function, ...: any)
---@field may? fun(client: pomex.Client, what: "wait"|"start"): boolean|nil, string?
---@field watch? fun(client: pomex.Client, stop?: pomex.StopWatching): pomex.StopWatching|nil

---Ends the watching of a client; true: the host goes on watching for a while.
---@alias pomex.StopWatching fun(): boolean|nil

---What a host waits for: an operation, a coroutine task, or a free place in `client:map`. To call
---it says whether the wait is over.
---@class pomex.Ready
---@operator call: boolean
---@field subscribe fun(self: pomex.Ready, who: thread|function) has `who` resumed by the next step,
---  or called, once, when it is worth while to call `ready()` again
---@field unsubscribe fun(self: pomex.Ready, who: thread|function)

---@class pomex.Schedule
---@field first? number seconds until the first look
---@field factor? number each pause is this many times the one before; 1 or more
---@field max? number seconds of the longest pause

---@class pomex.TaskSchedule: pomex.Schedule
---@field learn? boolean spread the looks by how long this client's last tasks took; default: only
---  where neither `first`, `factor` nor `max` is given

---@class pomex.CallOptions
---@field timeout? number seconds for all attempts; default: the client's budget
---@field max_retries? integer attempts after the first; default: the client's
---@field validate? boolean false: send what the document's rules forbid, and what looks misspelt
---@field send_by? number creates: the time of CLOCK_BOOTTIME, in seconds, after which none is sent
---@field headers? table<string, string> more headers of its requests to the service; they replace
---  those of the client of the same names

---@class pomex.CreateTaskOptions: pomex.CallOptions
---@field adopt? "single"|"none" where the answer is lost: "single" takes the one task of the
---  account that can be it, if no other can; "none" looks for none. Else the error names them
---@field preflight? boolean true: look first whether each asset is active; what the call returns is
---  then a task

---@class pomex.WaitOptions
---@field timeout? number seconds for the whole wait
---@field headers? table<string, string> more headers of its requests to the service
---@field first? number seconds until the first look
---@field factor? number each pause is this many times the one before; 1 or more
---@field max? number seconds of the longest pause
---@field on_update? fun(object: table) called after each look except the last, whose object the
---  wait returns; in the waiting coroutine, and may wait

---@class pomex.MapOptions
---@field concurrency? integer so many at a time, 1 or more; 16
---@field on_each? fun(index: integer, value: any, err: any) after each is over, in the order in
---  which they end, in the coroutine that maps; may wait (not on PUC 5.1). What it raises breaks
---  the map off

---@class pomex.CreateAndWaitOptions: pomex.WaitOptions
---@field max_retries? integer attempts of the creation after the first; default: the client's
---@field validate? boolean false: send what the document's rules forbid, and what looks misspelt
---@field send_by? number creates: the time of CLOCK_BOOTTIME, in seconds, after which none is sent
---@field on_created? fun(object: table) called before the first look, in the waiting coroutine

---@class pomex.AssetDownloadOptions
---@field timeout? number seconds in all; default: no limit
---@field headers? table<string, string> of its requests to the service; the link's host gets none
---@field max_retries? integer attempts after the first; default: the client's
---@field on_progress? fun(done: integer, total: integer|nil) bytes; in the waiting coroutine
---@field sync? boolean true: the file is on the disk when the call returns
---@field overwrite? boolean true: replace a file of that name, and a `.part` that pomex did not
---  write; without it, either is a file_error before anything is asked

---@class pomex.DownloadOptions: pomex.AssetDownloadOptions
---@field what? "video"|"last_frame" "last_frame": the picture of `content.last_frame_url`, which a
---  task has that was made with `return_last_frame`; not promised by the document
---@field hold? boolean true: the whole video stays in its `.part`, and gets no name

---@class pomex.CreateAndSaveOptions: pomex.CreateAndWaitOptions
---@field adopt? "single"|"none" of the creation, as of `create`
---@field timeout? number seconds for the creation and the wait together
---@field preflight? boolean true: look first whether each asset of the content is active
---@field save? string path of the file; looked at before the creation, written after the wait
---@field save_last_frame? string path of the last frame's picture; needs `save`, and
---  `return_last_frame = true` in the body; not promised by the document
---@field save_timeout? number seconds for each download; default: no limit
---@field on_progress? fun(done: integer, total: integer|nil) bytes; in the waiting coroutine
---@field sync? boolean true: the file is on the disk when the call returns
---@field overwrite? boolean true: replace a file of that name

---@class pomex.SessionBody
---@field callback_url string https; the person's browser comes back here after the scan
---@field lang? "zh"|"en"|"zh-Hant"

---@class pomex.Session
---@field object "video.asset_session"
---@field status "pending"
---@field h5_link string for the person's phone; works for about 30 minutes

---@class pomex.AssetBody
---@field url string public https link of the file itself
---@field asset_type "Image"|"Video"|"Audio"
---@field group_id string|pomex.Virtual of the verified person, or pomex.VIRTUAL
---@field name? string unique among all uploads of all your processes, since an upload whose answer
---  was lost is looked up by it; default: "pomex-" and 32 random digits

---@class pomex.Asset
---@field id string
---@field object? "video.asset"
---@field status "processing"|"active"|"failed"
---@field name? string
---@field url? string signed; works for about 12 hours
---@field asset_type? "Image"|"Video"|"Audio"
---@field group_id? string
---@field created_at? string
---@field updated_at? string
---@field error? pomex.ServiceError why it failed

---@class pomex.AssetQuery
---@field group_id? string|pomex.Virtual one person's; default: the Virtual group
---@field status? string|string[] "active", "processing", "failed"
---@field name? string a part of the name
---@field page? integer from 1
---@field limit? integer of a page, 1 to 100; 10
---@field sort_by? "create_time"|"update_time"|"group_id"
---@field sort_order? "asc"|"desc"

---@class pomex.EachQuery: pomex.AssetQuery
---@field max? integer of all pages together

---@class pomex.AssetPage
---@field object "list"
---@field items pomex.Asset[]
---@field total_count integer
---@field page_number integer
---@field page_size integer

---@class pomex.GenerationBody
---@field model string "byteplus/seedance-2.0" or "byteplus/seedance-2.0-fast" for real persons
---@field content pomex.Content|pomex.ContentPart[]
---@field resolution? "480p"|"720p"|"1080p" fast: up to 720p; not promised by the document
---@field ratio? "16:9"|"4:3"|"1:1"|"3:4"|"9:16"|"21:9"|"adaptive" not promised by the document
---@field duration? integer seconds, 4 to 15; -1: the model chooses; not promised by the document
---@field generate_audio? boolean not promised by the document
---@field watermark? boolean not promised by the document
---@field return_last_frame? boolean `content.last_frame_url`; not promised by the document
---@field seed? integer not promised by the document
---@field callback_url? string not promised by the document
---@field execution_expires_after? integer seconds, 3600 to 259200; not promised by the document
---@field priority? integer 0 to 9; not promised by the document
---@field safety_identifier? string of one end user; 64 bytes; not promised by the document
---@field [string] any other fields go to the service as they are

---A video in the making; the service calls it a task.
---@class pomex.Generation
---@field id string
---@field object? "video.generation.task"
---@field model? string
---@field status "queued"|"running"|"succeeded"|"failed"
---@field content? { video_url?: string } video_url: signed; works for about 24 hours
---@field error? pomex.ServiceError why it failed
---@field file? pomex.File what create_and_wait saved
---@field last_frame_file? pomex.File what its save_last_frame saved

---A query of a list that the document does not name; it is sent as it is.
---@class pomex.GenerationQuery
---@field page? integer from 1
---@field limit? integer of a page
---@field status? string|string[] "queued", "running", …
---@field model? string
---@field [string] any other fields go to the service as they are

---@class pomex.EachGenerationQuery: pomex.GenerationQuery
---@field max? integer of all pages together

---@class pomex.GenerationPage
---@field items pomex.Generation[]
---@field total_count? integer
---@field page_number? integer
---@field date? number when the service answered, by its own clock: seconds since 1970

---@class pomex.ServiceError
---@field code? string
---@field message? string

---@class pomex.File
---@field path string
---@field size integer bytes
---@field sum? string with `hold`: the SHA-256, in hexadecimal digits
---@field looks_like string by its first bytes: "mp4", "webm"; "jpeg", "png", "gif", "webp", "heic",
---  "avif", "bmp", "tiff"; "wav", "mp3", "ogg", "flac"; or "unknown"
---@field id string of the generation or asset

---@class pomex.Event
---@field name "request"|"response"|"retry"|"update"|"done"|"dropped"
---@field endpoint? string "assets.get"
---@field operation integer the operation's `:id()`
---@field attempt integer 1 for the first
---@field status? integer HTTP status
---@field seconds number "response": of the attempt; "retry": until the next; "done": in all
---@field type? string "response" of an attempt that failed, "retry", "done": of the error
---@field id? string the asset or task that it is about, as soon as it is known
---@field request_id? string all but "request": the X-Request-Id of the latest answer
---@field method? string of client:request: its method
---@field path? string of client:request: its path without the query; an id of a group is "group-*"
---@field detail? string "update", "response" of a look: the status; "dropped": how many were lost
---@field next? number "response": seconds until the operation goes on; nil: it is over
---@field ends? string "response": the type of the error that the operation is over with
---@field between? true "done": it ended while no attempt ran
---@field billed? "no"|"maybe"|"yes" "done": is a video paid for, as far as is known
