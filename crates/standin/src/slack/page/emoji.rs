//! The emoji names that messages use.

/// The emoji with this name; others stay as they are written.
pub(super) fn named(name: &str) -> Option<&'static str> {
    Some(match name {
        "white_check_mark" => "✅",
        "heavy_check_mark" => "✔️",
        "x" => "❌",
        "warning" => "⚠️",
        "rotating_light" => "🚨",
        "octagonal_sign" => "🛑",
        "no_entry" => "⛔",
        "red_circle" => "🔴",
        "large_orange_circle" => "🟠",
        "large_yellow_circle" => "🟡",
        "large_green_circle" => "🟢",
        "large_blue_circle" => "🔵",
        "white_circle" => "⚪",
        "black_circle" => "⚫",
        "double_vertical_bar" | "pause_button" => "⏸️",
        "arrow_forward" => "▶️",
        "leftwards_arrow_with_hook" => "↩️",
        "robot_face" => "🤖",
        "bust_in_silhouette" => "👤",
        "eyes" => "👀",
        "bell" => "🔔",
        "no_bell" => "🔕",
        "hourglass_flowing_sand" => "⏳",
        "stopwatch" => "⏱️",
        "link" => "🔗",
        "lock" => "🔒",
        "shield" => "🛡️",
        "zap" => "⚡",
        "fire" => "🔥",
        "package" => "📦",
        "rocket" => "🚀",
        "memo" => "📝",
        "mag" => "🔍",
        "question" => "❓",
        "information_source" => "ℹ️",
        "triangular_flag_on_post" => "🚩",
        "speech_balloon" => "💬",
        "thumbsup" | "+1" => "👍",
        "tada" => "🎉",
        "zzz" => "💤",
        _ => return None,
    })
}

/// The name between colons at the start of `text`, and its emoji.
pub(super) fn at_start(text: &str) -> Option<(&'static str, usize)> {
    let inner = text.strip_prefix(':')?;
    let end = inner.find(':').filter(|end| (1..=40).contains(end))?;
    Some((named(&inner[..end])?, end + 2))
}
