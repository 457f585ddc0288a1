---@meta
--- Types for editors; never loaded. Times are seconds; times of day are ISO 8601 in UTC, as
--- the service sends them. Fields that the service adds later stay in its answers.

---@class pomex.Options
---@field api_key? string default: api_key_file, then $POMEX_API_KEY (which nginx's master sees, so
---  make the client in init_by_lua)
---@field api_key_file? string a file whose first line is the key
---@field base_url? string default $POMEX_BASE_URL, then https://api.pomex.ai; a path prefix stays
---@field host? pomex.HostName|pomex.Host who waits; "auto": asks at each wait where it runs, yields
---  to nginx, cqueues or luv there, yields in a task of ours, blocks in a script, and raises in
---  a coroutine that neither pomex nor that loop started. "copas" has to be named
---@field connect_timeout? number seconds to connect; 10
---@field request_timeout? number seconds of one attempt; 30
---@field budget? number seconds of all attempts of a call, and the pauses between; 120
---@field max_retries? integer 0 to 100; 2
---@field max_in_flight? integer calls inside libcurl at once, 1 to 10,000; 64
---@field max_downloads? integer 1 to 1,000; 4
---@field rate_limits? false|table<string, number|false> requests in any 1.05 s (2.5 are 2);
---  sessions 3, asset_list 10, asset_get 100; also asset_create, generation_create, generation_get
---@field poll? { asset?: pomex.Schedule, generation?: pomex.Schedule }
---@field billed_retry? "refused"|"unsent" "unsent": a 429 or 503 to a generation is not believed
---@field user_agent? string
---@field proxy? string default: the environment's, never for http; "": none
---@field ca_file? string PEM; without both: $CURL_CA_BUNDLE, else $SSL_CERT_FILE and $SSL_CERT_DIR
---@field ca_path? string a hashed folder
---@field allow_http? boolean http to more than a literal loopback host
---@field on_event? fun(event: pomex.Event) runs in the stepper under pcall; must not wait

---@alias pomex.HostName "auto"|"blocking"|"coroutine"|"cqueues"|"luv"|"copas"|"openresty"

---@class pomex.Host see pomex/host/init.lua
---@field running fun(): any
---@field wait fun(client: pomex.Client, ready: table, timeout?: number)
---@field spawn fun(f: function)
---@field start? fun(task: pomex.Task, f: function, ...: any)
---@field refuse? fun(client: pomex.Client): string|nil
---@field guard? fun(client: pomex.Client)
---@field attach? fun(client: pomex.Client)
---@field name? string
---@field own? fun(): boolean|nil of those that "auto" looks for: is what runs resumed by the host
---  itself? nil: its loop does not run
---@field here? fun(): pomex.Host who starts tasks where it is asked

---@class pomex.Schedule
---@field first? number seconds until the first look
---@field factor? number each pause is so many times the one before
---@field max? number seconds of the longest pause

---@class pomex.CallOptions
---@field timeout? number seconds for all attempts; the client's budget
---@field max_retries? integer the client's
---@field validate? boolean false: send what the document's rules would refuse

---(To a wait, `max_retries` and `validate` mean nothing.)
---@class pomex.WaitOptions: pomex.CallOptions
---@field first? number seconds until the first look
---@field factor? number 1 or more
---@field max? number seconds of the longest pause
---@field on_update? fun(object: table) after each look that is not the last (its object is what the
---  wait returns), in the waiting coroutine; may wait

---@class pomex.CreateAndWaitOptions: pomex.WaitOptions
---@field on_created? fun(object: table) before the first look, in the waiting coroutine

---@class pomex.DownloadOptions: pomex.CallOptions
---@field timeout? number seconds in all; none
---@field on_progress? fun(done: integer, total: integer|nil) bytes, in the waiting coroutine
---@field sync? boolean the file is on the disk when the call returns
---@field overwrite? boolean replace a file of that name, and a `.part` that is not ours; else
---  either is a file_error before anything is asked

---@class pomex.CreateAndSaveOptions: pomex.CreateAndWaitOptions
---@field timeout? number seconds for the create and the wait together
---@field save? string path to save the video to: looked at before the create, downloaded to after
---  the wait
---@field save_timeout? number seconds for the download; none
---@field on_progress? fun(done: integer, total: integer|nil) bytes, in the waiting coroutine
---@field sync? boolean the file is on the disk when the call returns
---@field overwrite? boolean replace a file of that name

---@class pomex.SessionBody
---@field callback_url string https; the browser comes back here
---@field lang? "zh"|"en"|"zh-Hant"

---@class pomex.Session
---@field object "video.asset_session"
---@field status "pending"
---@field h5_link string for the person's phone, valid for about 30 minutes

---@class pomex.AssetBody
---@field url string public https link of the file itself
---@field asset_type "Image"|"Video"|"Audio"
---@field group_id string|table of the verified person, or pomex.VIRTUAL
---@field name? string unique among all that your processes upload: by it one is found again whose
---  answer was lost; none: pomex makes one, "pomex-" and 32 random digits

---@class pomex.Asset
---@field id string
---@field object? "video.asset"
---@field status "processing"|"active"|"failed"
---@field name? string
---@field url? string signed, valid for about 12 hours
---@field asset_type? "Image"|"Video"|"Audio"
---@field group_id? string
---@field created_at? string
---@field updated_at? string

---@class pomex.AssetQuery
---@field group_id? string|table one person's; left out or pomex.VIRTUAL: the Virtual group
---@field status? string|string[] "active", "processing", "failed"
---@field name? string fuzzy
---@field page? integer from 1
---@field limit? integer 1 to 100; 10
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
---@field [string] any passed on

---@class pomex.Generation
---@field id string
---@field object? "video.generation.task"
---@field model? string
---@field status "queued"|"running"|"succeeded"|"failed"
---@field content? { video_url?: string }
---@field file? pomex.File of create_and_wait with `save`

---@class pomex.File
---@field path string
---@field size integer bytes
---@field looks_like "mp4"|"webm"|"unknown" by its first bytes
---@field id string of the task

---@class pomex.Event
---@field name "request"|"response"|"retry"|"update"|"done"|"dropped"
---@field endpoint? string "assets.get"
---@field operation integer
---@field attempt integer 1 for the first
---@field status? integer HTTP status
---@field seconds number "response": it took; "retry": until the next; "done": in all
---@field type? string of the error
---@field detail? string "update": the status; "dropped": how many events were lost
