//! Card numbers: their prefixes, lengths and check digit.

/// Whether a whole number, as JSON has it, is a card number.
pub(crate) fn is_card_number(number: u64) -> bool {
    let digits: Vec<u8> = number.to_string().bytes().map(|byte| byte - b'0').collect();
    is_card(&digits)
}

/// Whether these digits are a card number: a prefix and length that issuers use, and Luhn's sum.
pub(super) fn is_card(digits: &[u8]) -> bool {
    is_issued(digits) && luhn(digits)
}

/// Whether the sum of the digits, every second from the right doubled, is a multiple of ten.
fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, &digit)| match (place % 2, u32::from(digit)) {
            (0, digit) => digit,
            (_, digit) if digit > 4 => digit * 2 - 9,
            (_, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

fn is_issued(digits: &[u8]) -> bool {
    let head = digits.iter().take(4).fold(0_u32, |number, &digit| number * 10 + u32::from(digit));
    match digits.len() {
        14 => matches!(head, 3000..=3059 | 3600..=3699 | 3800..=3999),
        15 => matches!(head, 3400..=3499 | 3700..=3799),
        16 => matches!(
            head,
            4000..=4999 | 5100..=5599 | 2221..=2720 | 6011 | 6440..=6599 | 3528..=3589 | 6200..=6299 | 5000..=5099
                | 5600..=5899 | 6300..=6399 | 6700..=6799
        ),
        17..=19 => matches!(head, 6200..=6299 | 6011 | 6500..=6599),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(number: &str) -> Vec<u8> {
        number.bytes().map(|byte| byte - b'0').collect()
    }

    #[test]
    fn test_numbers_of_the_schemes_are_cards() {
        for number in [
            "4111111111111111",
            "5555555555554444",
            "2223003122003222",
            "378282246310005",
            "6011111111111117",
            "30569309025904",
            "3530111333300000",
            "6200000000000005",
        ] {
            assert!(is_card(&digits(number)), "{number}");
        }
    }

    #[test]
    fn other_numbers_are_not() {
        for number in
            ["4111111111111112", "1767225600000000", "0000000000000000", "411111111111", "9999999999999995", ""]
        {
            assert!(!is_card(&digits(number)), "{number}");
        }
    }
}
